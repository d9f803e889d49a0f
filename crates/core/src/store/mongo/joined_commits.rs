//! Commits of all partitions of a process in few commands: while one is under way, later ones gather for the next.

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

/// Commits in one command at most.
const MOST_COMMITS: usize = 256;
/// A document that a transaction holds must not hold the others up for longer.
const LONGEST_TOGETHER: Duration = Duration::from_secs(2);
const WHAT: &str = "commit offset";

/// The commits that wait, and the turn of whoever writes them.
#[derive(Default)]
pub(super) struct JoinedCommits {
    waiting: Mutex<Vec<WaitingCommit>>,
    turn: tokio::sync::Mutex<()>,
}

struct WaitingCommit {
    update: RawDocumentBuf,
    done: oneshot::Sender<Answer>,
}

/// What a commit hears of the command that it was part of.
enum Answer {
    Outcome(Result<CommitOutcome>),
    /// The command does not say what became of this one. The same commit once more changes nothing.
    TryAlone,
}

impl JoinedCommits {
    /// Commits with this update, a statement of an `update` command that matches nothing if the partition is lost. It may
    /// take effect although its caller has stopped waiting; its number keeps it from overtaking later ones.
    pub(super) async fn commit(
        &self,
        connection: &Connection,
        update: RawDocumentBuf,
    ) -> Result<CommitOutcome> {
        let (done, mut answer) = oneshot::channel();
        self.lock().push(WaitingCommit { update: update.clone(), done });
        let answered = tokio::select! {
            biased;
            answered = &mut answer => answered,
            turn = self.turn.lock() => {
                let gathered = self.take();
                if !gathered.is_empty() {
                    write(connection, gathered).await;
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

    /// The oldest ones. Whoever takes them is among them: the turn is given in the order in which it was asked for.
    fn take(&self) -> Vec<WaitingCommit> {
        let mut waiting = self.lock();
        let commits = waiting.len().min(MOST_COMMITS);
        waiting.drain(..commits).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<WaitingCommit>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(connection: &Connection, mut commits: Vec<WaitingCommit>) {
    while !commits.is_empty() {
        let updates: Vec<_> = commits.iter().map(|commit| commit.update.clone()).collect();
        let rest = commits.split_off(fitting(&updates));
        let limit = (commits.len() > 1).then_some(LONGEST_TOGETHER);
        let matched = write_together(connection, &updates[..commits.len()], limit).await;
        let outcome = match matched {
            Ok(matched) if matched == commits.len() => Some(Ok(CommitOutcome::Committed)),
            Ok(_) if commits.len() == 1 => Some(Ok(CommitOutcome::Fenced)),
            Err(error) if commits.len() == 1 || error.code() != ErrorCode::Timeout => Some(Err(error)),
            Ok(_) | Err(_) => None,
        };
        for commit in commits {
            // Whoever waited may have stopped.
            let _ = commit.done.send(outcome.clone().map_or(Answer::TryAlone, Answer::Outcome));
        }
        commits = rest;
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
