//! The states of stored documents, for the reference. The conformance suite holds both stores to the same.

pub(crate) mod letter;
pub(crate) mod member;
pub(crate) mod owner;
