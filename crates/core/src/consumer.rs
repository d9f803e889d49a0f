//! Reading a topic as a member of a group.
//!
//! ```text
//!             claims, start positions           per partition:
//! Consumer ──► subscription ──────────► reader ─► buffer ─► worker ─► RecordHandler (user code)
//!                                         ▲          ▲         │
//!                                own change stream  feed       └─► committer ─► consumer_offsets
//! ```

mod caution;
pub mod checkpoint;
mod commit_pacer;
mod consumer_events;
mod consumer_handle;
mod coordinator;
mod event_loop_watch;
mod handed_over;
mod held_offset;
mod in_flight;
mod key_lanes;
mod offset_committer;
mod offset_loan;
mod partition_lag;
mod partition_launch;
mod partition_opening;
mod partition_reader;
mod partition_run;
mod partition_set;
mod partition_starts;
mod partition_worker;
pub mod position;
mod position_recovery;
pub mod record_handler;
mod retry_policy;
mod running_delivery;
mod shared_watermark;
mod source_sign;
mod stall_policy;
mod stall_watch;
mod start_position;
mod subscribed_partitions;
mod subscription;
mod subscription_progress;
pub mod watermark;

pub(crate) use commit_pacer::CommitPacer;
pub use consumer_events::EventListener;
pub use consumer_handle::Consumer;
pub(crate) use consumer_handle::ConsumerParts;
pub use offset_loan::{OffsetLoan, TransactionOutcome};
pub use partition_lag::PartitionLag;
pub(crate) use partition_lag::{PartitionRange, measure_lag_at};
pub use subscription_progress::OffsetInfo;
#[cfg(test)]
pub(crate) use {key_lanes::states as lane_states, running_delivery::states as delivery_states};
