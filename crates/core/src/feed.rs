//! One change stream for the whole process: read once, handed to every partition that wants it.

pub mod copied_message;
pub mod feed_actor;
mod feed_members;
mod feed_start;
mod group_signals;
pub mod partition_buffer;
pub mod stream_token;

pub use feed_actor::{Feed, FeedSettings, JoinRequest, Joined};
pub use feed_members::MemberId;
pub use group_signals::GroupSignal;
