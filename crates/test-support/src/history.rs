//! What happened in a run, told by everybody who took part in it, and the judgement of it.
//!
//! A history is a sequence of events in the order in which they were written, one JSON object a line. It is about one
//! topic and one group. What is promised, and so what breaks a history, follows Jepsen's Kafka workload: nothing
//! acknowledged is lost, nothing is handled twice unless a process died in between, order is kept, nobody handles
//! what another member handles, offsets only grow.
//!
//! Producers write `sendBegun` before a send and its outcome afterwards; members write `deliveryBegun` before the
//! handler works and `deliveryFinished` before they report it. So a process that is killed never did more than it
//! wrote, and at most what it wrote last is undecided.

mod checker;
mod event;
mod expectations;
mod finding;
mod key_order;
mod lane_order;
mod members;
mod messages;
mod offset_order;
mod ownership;
mod verdict;

pub use checker::{HistoryChecker, check};
pub use event::{Event, Happening};
pub use expectations::{Expectations, Order};
pub use finding::Finding;
pub use verdict::{CrashCount, Numbers, Verdict};
