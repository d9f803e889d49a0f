//! What a group gave up on: the message whole, and why; looking at it, delivering it again, removing it.
//!
//! ```text
//! worker ─► committer ─► Store::commit_dead_letter            a message is given up
//! user ─► DeadLetters ─► list, count, purge                   administration
//!                     └► redrive: a mark on the letter ─► RedriveWatch ─► RedriveQueue ─► worker ─► handler
//! ```

mod dead_letters;
mod handler_error;
mod letter_filter;
mod letter_query;
mod redrive_queue;
mod redrive_request;
mod redrive_schedule;
mod redrive_watch;
mod stored_letter;

pub use dead_letters::DeadLetters;
pub use handler_error::{FailedAttempt, HandlerError};
pub use letter_filter::{LetterFilter, LetterScope, PurgeRequest};
pub use letter_query::{LetterOrder, LetterPage, LetterPosition, LetterQuery};
pub(crate) use redrive_queue::{QueueParts, RedriveQueue, RedrivenLetter};
pub use redrive_request::{RedrivePlan, RedriveRequest};
pub(crate) use redrive_watch::{RedriveNudge, RedriveWatch, WatchParts};
pub use stored_letter::{
    DeadLetter, LetterHolder, LetterId, PendingRedrive, RedriveFailure, RedriveMark, StoredLetter,
};
