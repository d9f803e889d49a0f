//! Writes to the offset documents of all partitions of a process in few commands: while one is under way, later ones
//! gather for the next.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::{Document, RawDocumentBuf};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::offset_collection;
use super::write_command::{WriteCommand, WriteKind, fitting, refused_statements};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::store::contract::CommitOutcome;

/// Updates in one command at most.
const MOST_UPDATES: usize = 256;
/// A document that a transaction holds must not hold the others up for longer.
const LONGEST_TOGETHER: Duration = Duration::from_secs(2);
const WHAT: &str = "write offset";

/// The updates that wait, and the turn of whoever writes them.
#[derive(Default)]
pub(super) struct JoinedUpdates {
    waiting: Mutex<Vec<WaitingUpdate>>,
    turn: tokio::sync::Mutex<()>,
}

struct WaitingUpdate {
    update: RawDocumentBuf,
    done: oneshot::Sender<Answer>,
}

/// What whoever waits hears of the command that his update was part of.
enum Answer {
    Outcome(Result<CommitOutcome>),
    /// The command does not say what became of this one. The same once more changes nothing.
    TryAlone,
}

impl JoinedUpdates {
    /// Makes this update, a statement of an `update` command that matches nothing if the partition is lost. It may take
    /// effect although its caller has stopped waiting; its number keeps it from overtaking later ones.
    pub(super) async fn write(
        &self,
        connection: &Connection,
        update: RawDocumentBuf,
    ) -> Result<CommitOutcome> {
        let (done, mut answer) = oneshot::channel();
        self.lock().push(WaitingUpdate { update: update.clone(), done });
        let answered = tokio::select! {
            biased;
            answered = &mut answer => answered,
            turn = self.turn.lock() => {
                let gathered = self.take();
                if !gathered.is_empty() {
                    write_gathered(connection, gathered).await;
                }
                drop(turn);
                answer.await
            }
        };
        match answered {
            Ok(Answer::Outcome(outcome)) => outcome,
            // Whoever wrote for others may have been stopped in the middle.
            Ok(Answer::TryAlone) | Err(_) => write_alone(connection, &update).await,
        }
    }

    /// All of them: whoever takes them is among them, and might otherwise wait for somebody who never comes. Those that
    /// nobody waits for any more are left out.
    fn take(&self) -> Vec<WaitingUpdate> {
        let mut gathered = std::mem::take(&mut *self.lock());
        gathered.retain(|waiting| !waiting.done.is_closed());
        gathered
    }

    fn lock(&self) -> MutexGuard<'_, Vec<WaitingUpdate>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_gathered(connection: &Connection, mut gathered: Vec<WaitingUpdate>) {
    while !gathered.is_empty() {
        let updates: Vec<_> = gathered.iter().map(|waiting| waiting.update.clone()).collect();
        let rest = gathered.split_off(fitting(&updates).min(MOST_UPDATES));
        let limit = (gathered.len() > 1).then_some(LONGEST_TOGETHER);
        let matched = write_together(connection, &updates[..gathered.len()], limit).await;
        let outcome = match matched {
            Ok(matched) if matched == gathered.len() => Some(Ok(CommitOutcome::Committed)),
            Ok(_) if gathered.len() == 1 => Some(Ok(CommitOutcome::Fenced)),
            Err(error) if gathered.len() == 1 || error.code() != ErrorCode::Timeout => Some(Err(error)),
            Ok(_) | Err(_) => None,
        };
        for waiting in gathered {
            // Whoever waited may have stopped.
            let _ = waiting.done.send(outcome.clone().map_or(Answer::TryAlone, Answer::Outcome));
        }
        gathered = rest;
    }
}

async fn write_alone(connection: &Connection, update: &RawDocumentBuf) -> Result<CommitOutcome> {
    let matched = write_together(connection, std::slice::from_ref(update), None).await?;
    Ok(if matched == 1 { CommitOutcome::Committed } else { CommitOutcome::Fenced })
}

/// How many of the updates have found their document.
async fn write_together(
    connection: &Connection,
    updates: &[RawDocumentBuf],
    limit: Option<Duration>,
) -> Result<usize> {
    let command = WriteCommand {
        kind: WriteKind::Update,
        collection: offset_collection::COLLECTION,
        write_concern: connection.write_concern(),
        limit,
    };
    let command = command.with(updates)?;
    let database = connection.database();
    let reply: Document = connection.within_deadline(WHAT, database.run_raw_command(command)).await?;
    if let Some(refused) = refused_statements(WHAT, &reply)?.first() {
        let text = format!("{WHAT}: the server refused it (code {}); look at the validator", refused.code);
        return Err(Error::new(ErrorCode::Internal, text));
    }
    Ok(reply.get_i32("n").ok().and_then(|matched| usize::try_from(matched).ok()).unwrap_or_default())
}
