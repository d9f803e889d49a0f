//! The generated part of the reference in `docs/`. As the TypeScript types, it is written by tests, whose names begin
//! with `export_reference`. `npm run gen-docs` runs them, CI compares.

pub(crate) mod enum_docs;
mod error_reference;
mod lease_states;
mod markdown;
pub(crate) mod state_machine;
mod state_reference;
