//! Consumer groups: who is there, who leads, who is to read which partition.
//!
//! ```text
//!  Membership ──► Heartbeat (one per process) ──► consumer_members      a lease by the server's clock
//!      └────────► Leadership ──► assign (pure) ──► consumer_groups      one member decides for all
//!
//!  consumer::Coordinator ──► claims and releases ──► consumer_offsets   who holds a partition is settled there
//! ```
//!
//! Every decision is one compare-and-set on one document. Clocks say when something is tried, never who wins.

pub mod assignment;
mod claim_policy;
pub mod group_record;
mod heartbeat;
mod instance_id;
mod leadership;
mod lease;
mod membership;
mod process_identity;
mod rebalance_policy;

pub(crate) use claim_policy::{ClaimDecision, decide as decide_claim};
pub(crate) use heartbeat::{Heartbeat, Pace};
pub(crate) use instance_id::{InstanceId, find as find_instance_id};
pub(crate) use lease::{Lease, LeaseStatus};
pub(crate) use membership::{Look, Membership, MembershipParts};
pub(crate) use process_identity::current as current_process;
