//! Sending messages.
//!
//! ```text
//! send ─► encode and choose partitions ─► partition writer: queue ─► one insert at a time ─► outcomes,
//!                                                                                           per group of sends
//! ```

mod message_encoder;
mod partition_messages;
mod partition_writer;
mod producer_handle;
mod queued_sends;
mod retried_append;
mod send_group;
mod send_outcome;
mod unsent_bytes;

pub use producer_handle::Producer;
pub(crate) use producer_handle::ProducerParts;
pub use send_group::{FailedSend, SendGroup};
pub use send_outcome::MessageStatus;
pub(crate) use unsent_bytes::UnsentBytes;
