//! One shared client: how it is set up, how it is checked, and the deadline of every call on it.

use std::future::IntoFuture;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria,
    ServerAddress, WriteConcern,
};
use mongodb::{Client, Database};
use tokio::sync::watch;

use super::mongo_error;
use super::silence::Silence;
use super::transaction_sessions::TransactionSessions;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::runtime::clock;

/// Connections per server unless the URI says otherwise. Four work while one waits in the change stream's `getMore`.
const DEFAULT_MAX_POOL_SIZE: u32 = 5;
/// What the driver takes to find a server unless the connection string sets `serverSelectionTimeoutMS`.
const SERVER_SELECTION: Duration = Duration::from_secs(30);
/// How long the client may take to close.
const CLOSES_WITHIN: Duration = Duration::from_secs(2);
/// When the deployment has not answered by then, its members are asked one by one what they are.
const DIAGNOSE_AFTER: Duration = Duration::from_secs(1);

/// How to reach a deployment.
#[derive(Debug, Clone)]
pub struct MongoSettings {
    /// Connection string. Never logged.
    pub uri: String,
    /// Database of the broker.
    pub database: String,
    /// Name that the server's logs and `currentOp` show.
    pub app_name: String,
    /// Deadline of one server call.
    pub operation_timeout: Duration,
}

/// The shared client and the database of the broker.
#[derive(Clone)]
pub(super) struct Connection {
    /// Replaced when its connections do not answer any more.
    handles: Arc<RwLock<Handles>>,
    options: ClientOptions,
    database: String,
    write_concern: WriteConcern,
    operation_timeout: Duration,
    silence: Arc<Silence>,
    is_closing: Arc<watch::Sender<bool>>,
}

#[derive(Clone)]
struct Handles {
    client: Client,
    database: Database,
    sessions: Arc<TransactionSessions>,
}

impl Connection {
    pub(super) async fn open(settings: &MongoSettings) -> Result<Self> {
        let mut options =
            ClientOptions::parse(&settings.uri).await.map_err(|error| mongo_error::uri_refused(&error))?;
        options.app_name.get_or_insert_with(|| settings.app_name.clone());
        options.max_pool_size.get_or_insert(DEFAULT_MAX_POOL_SIZE);
        let mut write_concern = options.write_concern.take().unwrap_or_default();
        write_concern.w.get_or_insert(Acknowledgment::Majority);
        write_concern.journal.get_or_insert(true);

        let handles = open_client(&options, &settings.database, write_concern.clone())?;
        Ok(Self {
            handles: Arc::new(RwLock::new(handles)),
            options,
            database: settings.database.clone(),
            write_concern,
            operation_timeout: settings.operation_timeout,
            silence: Arc::default(),
            is_closing: Arc::default(),
        })
    }

    /// Opens a new client. Calls under way keep the old one until their deadline; then it ends.
    pub(super) fn renew(&self) -> Result<()> {
        let new = open_client(&self.options, &self.database, self.write_concern.clone())?;
        *self.handles.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(super) fn client(&self) -> Client {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).client.clone()
    }

    pub(super) fn database(&self) -> Database {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).database.clone()
    }

    /// The client and its sessions for transactions.
    pub(super) fn transactional(&self) -> (Client, Arc<TransactionSessions>) {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        (handles.client.clone(), Arc::clone(&handles.sessions))
    }

    pub(super) fn write_concern(&self) -> &WriteConcern {
        &self.write_concern
    }

    pub(super) fn operation_timeout(&self) -> Duration {
        self.operation_timeout
    }

    /// Runs one server call under the deadline and maps its error.
    pub(super) async fn within_deadline<T, F>(&self, what: &str, call: F) -> Result<T>
    where
        F: IntoFuture<Output = mongodb::error::Result<T>>,
    {
        match self.answer_within(self.operation_timeout, call).await {
            Some(outcome) => outcome.map_err(|error| mongo_error::convert(what, &error)),
            None => Err(no_answer(what, self.operation_timeout)),
        }
    }

    /// The server's answer; `None` if there is none within `limit`.
    pub(super) async fn answer_within<F: IntoFuture>(&self, limit: Duration, call: F) -> Option<F::Output> {
        let answer = clock::timeout(limit, call.into_future()).await;
        self.silence.heard(answer.is_some());
        if answer.is_none() && self.silence.is_suspicious() {
            // The options were good before; without a new client the old one stays.
            let _ = self.renew();
        }
        answer
    }

    /// Makes sure that the deployment answers, accepts the credentials and has change streams. Besides the deadline of
    /// the call it takes as long as the client looks for a server.
    pub(super) async fn check(&self) -> Result<()> {
        let looking = self.options.server_selection_timeout.unwrap_or(SERVER_SELECTION);
        let limit = looking + self.operation_timeout;
        clock::timeout(limit, self.ask_deployment()).await.unwrap_or_else(|| Err(no_answer("connect", limit)))
    }

    /// A standalone server would otherwise show only as a server selection that times out when the URI names a
    /// replica set, so the members are asked directly while the client is still looking.
    async fn ask_deployment(&self) -> Result<()> {
        let database = self.database();
        let hello = database.run_command(doc! { "hello": 1 });
        let hello = async { hello.await.map_err(|error| mongo_error::convert("connect", &error)) };
        tokio::pin!(hello);
        let reply = if let Some(reply) = clock::timeout(DIAGNOSE_AFTER, &mut hello).await {
            reply?
        } else {
            tokio::select! {
                reply = &mut hello => reply?,
                unsuitable = self.find_unsuitable_member() => return Err(unsuitable),
            }
        };
        if !has_change_streams(&reply) {
            return Err(not_a_replica_set());
        }
        Ok(())
    }

    /// Resolves when a member says that it is no replica set member; otherwise never.
    async fn find_unsuitable_member(&self) -> Error {
        for host in self.options.hosts.clone() {
            if let Some(reply) = self.ask_directly(host).await
                && !has_change_streams(&reply)
            {
                return not_a_replica_set();
            }
        }
        std::future::pending().await
    }

    async fn ask_directly(&self, host: ServerAddress) -> Option<Document> {
        let mut options = self.options.clone();
        options.hosts = vec![host];
        options.direct_connection = Some(true);
        options.repl_set_name = None;
        let client = Client::with_options(options).ok()?;
        let reply = client.database("admin").run_command(doc! { "hello": 1 }).await.ok();
        client.shutdown().immediate(true).await;
        reply
    }

    /// Resolves when it is being closed.
    pub(super) async fn closing(&self) {
        // The sender is here.
        let _ = self.is_closing.subscribe().wait_for(|is_closing| *is_closing).await;
    }

    /// Whoever still waits for an answer that nobody needs has to give it up at [`closing`](Self::closing): the client waits
    /// for its connections. It also ends its sessions at the server, has no deadline for that, and with `mongodb+srv://`
    /// waits until it would look for the servers again, which is a minute. What is left after [`CLOSES_WITHIN`] ends by itself.
    pub(super) async fn close(&self) {
        self.is_closing.send_replace(true);
        // There is nothing to be done if it takes longer.
        let _ = clock::timeout(CLOSES_WITHIN, self.client().shutdown().immediate(true).into_future()).await;
    }
}

/// That a call was not answered in time.
pub(super) fn no_answer(what: &str, limit: Duration) -> Error {
    Error::new(ErrorCode::Timeout, format!("{what}: no answer within {} ms", limit.as_millis()))
}

fn open_client(options: &ClientOptions, database: &str, write_concern: WriteConcern) -> Result<Handles> {
    let client = Client::with_options(options.clone()).map_err(|error| mongo_error::uri_refused(&error))?;
    let database = client.database_with_options(database, database_options(write_concern));
    Ok(Handles { client, database, sessions: Arc::default() })
}

fn database_options(write_concern: WriteConcern) -> DatabaseOptions {
    DatabaseOptions::builder()
        .read_concern(ReadConcern::majority())
        .write_concern(write_concern)
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .build()
}

fn has_change_streams(hello: &Document) -> bool {
    hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|kind| kind == "isdbgrid")
}

fn not_a_replica_set() -> Error {
    Error::new(
        ErrorCode::NotReplicaSet,
        "the server is not a member of a replica set, so it has no change streams; start mongod with --replSet \
         and run rs.initiate(), or use the URI of a replica set",
    )
}
