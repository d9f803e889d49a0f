//! The sessions in which offsets are written within transactions. Their ids are known to the group, so that a transaction
//! that a dead member left open can be ended instead of being waited for.

use std::sync::{Mutex, PoisonError};

use bson::{Binary, Bson, doc};
use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::{Client, ClientSession};
use tokio::sync::OnceCell;

use super::connection::Connection;
use super::mongo_error;
use crate::error::Result;

/// Transactions at the same time in known sessions. Further ones are in sessions that nobody else knows: after a crash in
/// the middle of one of them its partition waits for the server to end it, a minute.
const KNOWN_SESSIONS: usize = 2;

/// Sessions of one client.
#[derive(Default)]
pub(super) struct TransactionSessions {
    idle: Mutex<Vec<ClientSession>>,
    ids: OnceCell<Vec<Binary>>,
}

impl TransactionSessions {
    /// Ids of the known sessions, which are begun the first time.
    pub(super) async fn ids(&self, client: &Client) -> Result<Vec<Binary>> {
        let begin = async {
            let mut ids = Vec::with_capacity(KNOWN_SESSIONS);
            for _ in 0..KNOWN_SESSIONS {
                let session = client.start_session().await?;
                if let Some(Bson::Binary(id)) = session.id().get("id") {
                    ids.push(id.clone());
                }
                self.give_back(session);
            }
            Ok(ids)
        };
        let ids = self.ids.get_or_try_init(|| begin).await;
        ids.cloned().map_err(|error| mongo_error::convert("begin sessions", &error))
    }

    /// A session without a transaction.
    pub(super) async fn take(&self, client: &Client) -> mongodb::error::Result<ClientSession> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(session) => Ok(session),
            None => client.start_session().await,
        }
    }

    /// Its transaction has ended. One that is not given back ends with its session.
    pub(super) fn give_back(&self, session: ClientSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KNOWN_SESSIONS {
            idle.push(session);
        }
    }
}

/// Commits, once more if it is not known whether that was done.
pub(super) async fn commit(session: &mut ClientSession) -> mongodb::error::Result<()> {
    match session.commit_transaction().await {
        Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
            session.commit_transaction().await
        }
        outcome => outcome,
    }
}

/// Ends sessions of this user, whoever began them. A session that does not exist is none.
pub(super) async fn end(connection: &Connection, sessions: &[Binary]) -> Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let sessions: Vec<_> = sessions.iter().map(|id| doc! { "id": Bson::Binary(id.clone()) }).collect();
    let admin = connection.client().database("admin");
    let kill = admin.run_command(doc! { "killSessions": sessions });
    connection.within_deadline("end sessions", kill).await.map(drop)
}
