//! Sending messages.
//!
//! ```text
//! send ─► encode and choose partitions ─► partition writer: queue ─► one insert at a time ─► outcome per send
//! ```

mod partition_writer;
mod producer_handle;
mod send_outcome;
mod unsent_bytes;

pub use producer_handle::Producer;
pub(crate) use producer_handle::ProducerParts;
pub(crate) use unsent_bytes::UnsentBytes;
