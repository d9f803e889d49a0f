//! A database-level change stream over the inserts into some collections and the changes of groups, read in raw batches.
//!
//! The driver's own change stream decodes every event and hides its batches; this one keeps the bytes and sees the
//! token of each batch, also of an empty one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::{Bson, Document, RawDocument, Timestamp, doc};
use futures_util::StreamExt;
use mongodb::options::CursorType;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use tokio::task::JoinHandle;

use super::connection::{Connection, no_answer};
use super::{group_collection, mongo_error};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::StreamToken;
use crate::runtime::{clock, task_group};
use crate::store::contract::{FeedBatch, FeedCursor, FeedEvent, FeedRequest, FeedStart};

/// The server answers after `max_await` at the latest; one that is this late beyond it does not answer at all.
const LATE_ANSWER: Duration = Duration::from_secs(10);
/// Closing must not wait for a server that is gone.
const CLOSE_DEADLINE: Duration = Duration::from_millis(500);

pub(super) async fn open(connection: &Connection, request: FeedRequest) -> Result<Box<dyn FeedCursor>> {
    let command = aggregate(&request);
    let database = connection.database();
    let cursor = database
        .run_cursor_command(command)
        .cursor_type(CursorType::TailableAwait)
        .batch_size(request.batch_size)
        .max_time(request.max_await)
        .batch();
    let cursor = connection.within_deadline("open change stream", cursor).await?;
    let mut feed = MongoFeedCursor {
        reading: Reading::Resting(Box::new(cursor)),
        read_ahead_from: usize::try_from(request.batch_size).unwrap_or(usize::MAX) / 2,
        connection: connection.clone(),
        collections: request.collections.into_iter().map(|name| (name.to_string(), name)).collect(),
        longest_wait: request.max_await + connection.operation_timeout().min(LATE_ANSWER),
        open_cursor: None,
    };
    // The answer to the opening, which has no events: nothing has been looked for yet.
    feed.next_batch().await?;
    Ok(Box::new(feed))
}

/// The collections stand in an expression, whose list the server looks up by hash. As a condition on `ns` or `ns.coll`
/// it becomes, from 6.0 on, one test per collection of each oplog entry: ten times the cost with 256 of them.
fn aggregate(request: &FeedRequest) -> Document {
    let mut stage = doc! {};
    if let FeedStart::At(time) = request.start {
        stage.insert("startAtOperationTime", Bson::Timestamp(Timestamp::from(time)));
    }
    let collections = request.collections.iter().map(AsRef::as_ref).chain([group_collection::COLLECTION]);
    let collections: Vec<&str> = collections.collect();
    doc! {
        "aggregate": 1,
        "pipeline": [
            { "$changeStream": stage },
            {
                "$match": {
                    // Messages are inserted, groups are updated.
                    "operationType": { "$in": ["insert", "update"] },
                    "$expr": { "$in": ["$ns.coll", { "$literal": collections }] },
                },
            },
            // What is read of an event, besides its `_id`. The rest costs both sides a tenth of a drain.
            { "$project": { "ns.coll": 1, "documentKey": 1, "fullDocument": 1 } },
        ],
        // The first batch is left to getMore, so that opening answers at once however far back the stream starts.
        "cursor": { "batchSize": 0 },
        "readConcern": { "level": "majority" },
    }
}

struct MongoFeedCursor {
    reading: Reading,
    /// A batch of so many events is not the last: the next one is asked for while it is being handled.
    read_ahead_from: usize,
    connection: Connection,
    /// Shared names, so that an event does not carry a copy of its collection's.
    collections: HashMap<String, Arc<str>>,
    longest_wait: Duration,
    open_cursor: Option<OpenCursor>,
}

type NextBatch = Option<mongodb::error::Result<RawBatch>>;

enum Reading {
    Resting(Box<RawBatchCursor>),
    /// The next batch is on its way, whether somebody waits for it or not.
    Ahead(JoinHandle<(Box<RawBatchCursor>, NextBatch)>),
    /// The task that read ahead has gone with its runtime.
    Over,
}

impl Reading {
    /// The next batch, or the end of the stream. May be dropped and called again.
    async fn next(&mut self) -> NextBatch {
        match self {
            Self::Resting(cursor) => cursor.next().await,
            Self::Ahead(ahead) => {
                let (next, batch) =
                    ahead.await.map_or((Self::Over, None), |(cursor, batch)| (Self::Resting(cursor), batch));
                *self = next;
                batch
            }
            Self::Over => None,
        }
    }

    /// Lets the answer to a `getMore` that is under way come in, so that its connection can be used again.
    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.next().await {}
    }

    /// Gives up the `getMore` that is under way, and with it its connection.
    fn abandon(self) {
        if let Self::Ahead(ahead) = self {
            ahead.abort();
        }
    }

    fn read_ahead(&mut self) {
        *self = match std::mem::replace(self, Self::Over) {
            Self::Resting(mut cursor) => Self::Ahead(task_group::go_on(async move {
                let batch = cursor.next().await;
                (cursor, batch)
            })),
            other => other,
        };
    }
}

/// What `killCursors` needs.
struct OpenCursor {
    id: i64,
    namespace: String,
}

#[async_trait]
impl FeedCursor for MongoFeedCursor {
    async fn next_batch(&mut self) -> Result<FeedBatch> {
        let waited = self.connection.answer_within(self.longest_wait, self.reading.next()).await;
        let batch = match waited {
            Some(Some(batch)) => batch.map_err(|error| mongo_error::convert("read change stream", &error))?,
            Some(None) => {
                return Err(Error::new(ErrorCode::ConnectionLost, "the server ended the change stream"));
            }
            None => {
                return Err(no_answer("change stream", self.longest_wait));
            }
        };
        let decoded = self.decode(&batch)?;
        if decoded.events.len() >= self.read_ahead_from {
            self.reading.read_ahead();
        }
        Ok(decoded)
    }

    /// Killing the cursor ends it on the server, and the `getMore` in flight, which gives its connection back in order.
    /// Dropping the cursor alone would break that connection.
    async fn close(mut self: Box<Self>) {
        let Some(open) = self.open_cursor.take() else { return };
        let collection = open.namespace.split_once('.').map_or("$cmd.aggregate", |(_, name)| name).to_owned();
        let kill = doc! { "killCursors": collection, "cursors": [open.id] };
        // Whatever the answer is, the server forgets an idle cursor by itself.
        let database = self.connection.database();
        let _ = clock::timeout(CLOSE_DEADLINE, database.run_command(kill).into_future()).await;
        // On an idle server, a `getMore` under way hears of it only at its own end, up to `max_await` later. Nobody waits.
        let (mut reading, connection) = (self.reading, self.connection);
        task_group::go_on(async move {
            tokio::select! {
                () = reading.drain() => {}
                () = connection.closing() => reading.abandon(),
            }
        });
    }
}

impl MongoFeedCursor {
    fn decode(&mut self, batch: &RawBatch) -> Result<FeedBatch> {
        let cursor = batch.as_raw_document().get_document("cursor").map_err(malformed)?;
        if self.open_cursor.is_none() {
            self.open_cursor = Some(OpenCursor {
                id: cursor.get_i64("id").map_err(malformed)?,
                namespace: cursor.get_str("ns").map_err(malformed)?.to_owned(),
            });
        }
        let frontier = token(cursor.get_document("postBatchResumeToken").map_err(malformed)?)?;
        let documents =
            batch.doc_slices().map_err(|error| mongo_error::convert("read change stream", &error))?;
        let mut decoded = FeedBatch { events: Vec::new(), frontier, changed_groups: Vec::new() };
        for event in documents {
            let event = event.map_err(malformed)?;
            let event = event.as_document().ok_or_else(|| malformed("an event is not a document"))?;
            self.decode_event(event, &mut decoded)?;
        }
        Ok(decoded)
    }

    fn decode_event(&self, event: &RawDocument, batch: &mut FeedBatch) -> Result<()> {
        let (mut id, mut namespace, mut key, mut message) = (None, None, None, None);
        for field in event {
            let (name, value) = field.map_err(malformed)?;
            match name.as_str() {
                "_id" => id = value.as_document(),
                "ns" => namespace = value.as_document(),
                "documentKey" => key = value.as_document(),
                "fullDocument" => message = value.as_document(),
                _ => {}
            }
        }
        let (Some(id), Some(namespace)) = (id, namespace) else {
            return Err(malformed("an event lacks _id or ns"));
        };
        let collection = namespace.get_str("coll").map_err(malformed)?;
        if collection == group_collection::COLLECTION {
            // A document that is none of ours is no group.
            let group = key.and_then(|key| key.get_str("_id").ok());
            batch.changed_groups.extend(group.map(str::to_owned));
            return Ok(());
        }
        // A message that somebody has updated has been delivered before.
        let Some(message) = message.filter(|message| !is_placeholder(message)) else { return Ok(()) };
        if let Some(collection) = self.collections.get(collection) {
            let (collection, document) = (Arc::clone(collection), message.to_owned());
            batch.events.push(FeedEvent { collection, token: token(id)?, document });
        }
        Ok(())
    }
}

/// 1.4.2 creates a collection by inserting a document without content and deleting it at once.
fn is_placeholder(message: &RawDocument) -> bool {
    const LONGEST_PLACEHOLDER: usize = 96;
    message.as_bytes().len() <= LONGEST_PLACEHOLDER
        && message.get_bool("_temp").unwrap_or(false)
        && matches!(message.get("_partition"), Ok(None))
}

fn token(document: &RawDocument) -> Result<StreamToken> {
    let data = document.get_str("_data").map_err(malformed)?;
    StreamToken::parse(data).ok_or_else(|| malformed("a resume token has an unknown form"))
}

fn malformed(what: impl std::fmt::Display) -> Error {
    Error::internal(format!("the change stream's answer cannot be read: {what}"))
}
