//! Tells what is stored of a group's progress: owners, offsets, dead letters, in the order in which they were written.
//! A member that is killed cannot tell of its last commit; the database can.

use std::collections::HashMap;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use csb_core::consumer::position::{HistoryProgress, Position};
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use csb_core::store::offset_document;
use futures_util::StreamExt;
use mongodb::Database;
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, ResumeToken, UpdateDescription};

use super::GROUP;
use super::history_log::{HistoryLog, ProblemReporter};
use crate::history::Happening;
use crate::member::HistoryWriter;

const NAME: &str = "observer";
const OFFSETS: &str = "consumer_offsets";
const DEAD_LETTERS: &str = "dead_letters";
/// What is inserted here is told as a note, so that everything before it is known to be told.
const MARKS: &str = "history_marks";
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Without a sign of the servers for longer than this it gives up.
const LONGEST_OUTAGE: Duration = Duration::from_mins(3);

pub(super) struct DatabaseObserver;

impl DatabaseObserver {
    /// Tells everything that is written from now on.
    pub(super) async fn start(database: &Database, log: &HistoryLog, tasks: &TaskGroup) -> Self {
        let stream = watch(database, None).await.expect("the database can be watched");
        let observing = observe(database.clone(), stream, log.writer(NAME), log.problems());
        tasks.spawn("database observer", observing);
        Self
    }

    /// Waits until everything that is written by now is told.
    pub(super) async fn drain(&self, database: &Database, log: &HistoryLog) {
        let mark = ObjectId::new();
        database.collection(MARKS).insert_one(doc! { "_id": mark }).await.expect("the mark is stored");
        log.wait_for_happening(NAME, &noted(mark)).await;
    }
}

fn noted(mark: ObjectId) -> Happening {
    Happening::Noted { text: format!("mark {mark}") }
}

type Changes = ChangeStream<ChangeStreamEvent<Document>>;

async fn watch(database: &Database, after: Option<ResumeToken>) -> mongodb::error::Result<Changes> {
    let collections = vec![OFFSETS, DEAD_LETTERS, MARKS];
    let wanted = doc! { "$match": { "ns.coll": { "$in": collections } } };
    database.watch().pipeline([wanted]).resume_after(after).await
}

/// Also while servers fail: it goes on where it was when they are back.
async fn observe(database: Database, mut stream: Changes, history: HistoryWriter, problems: ProblemReporter) {
    let mut offsets = OffsetDocuments::default();
    let mut last_seen = clock::now();
    loop {
        let failed = match stream.next().await {
            Some(Ok(event)) => {
                last_seen = clock::now();
                if let Err(problem) = history.write_all(happenings(&mut offsets, event)) {
                    return problems.report(format!("the observer of the database: {problem}"));
                }
                continue;
            }
            Some(Err(error)) => error.to_string(),
            None => "its stream has ended".to_owned(),
        };
        let token = stream.resume_token();
        stream = loop {
            match watch(&database, token.clone()).await {
                Ok(stream) => break stream,
                Err(error) if last_seen.elapsed() > LONGEST_OUTAGE => {
                    return problems
                        .report(format!("the observer of the database: {failed}; again: {error}"));
                }
                Err(_) => clock::sleep(AGAIN_AFTER).await,
            }
        };
    }
}

fn happenings(offsets: &mut OffsetDocuments, event: ChangeStreamEvent<Document>) -> Vec<Happening> {
    let collection = event.ns.as_ref().and_then(|ns| ns.coll.clone()).unwrap_or_default();
    match (collection.as_str(), event.full_document, event.update_description) {
        (OFFSETS, whole, update) => {
            let id = event.document_key.and_then(|key| key.get("_id").cloned()).unwrap_or(Bson::Null);
            offsets.changed(&id, whole, update)
        }
        (DEAD_LETTERS, Some(letter), _) => dead_letter(&letter).into_iter().collect(),
        (MARKS, Some(mark), _) => mark.get_object_id("_id").map(noted).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn dead_letter(letter: &Document) -> Option<Happening> {
    let partition = letter.get_i32("partition").ok().and_then(|partition| u32::try_from(partition).ok());
    let partition = partition.or_else(|| u32::try_from(letter.get_i64("partition").ok()?).ok())?;
    let value = letter.get_document("message").ok()?.get_str("value").ok()?.to_owned();
    is_of_the_group(letter).then_some(Happening::DeadLettered { partition, value })
}

/// The offset documents as they were after each change.
#[derive(Default)]
struct OffsetDocuments(HashMap<String, Document>);

impl OffsetDocuments {
    fn changed(
        &mut self,
        id: &Bson,
        whole: Option<Document>,
        update: Option<UpdateDescription>,
    ) -> Vec<Happening> {
        let document = self.0.entry(id.to_string()).or_default();
        let before = document.clone();
        if let Some(whole) = whole {
            *document = whole;
        }
        if let Some(update) = update {
            for (path, value) in update.updated_fields {
                set(document, &path, value);
            }
            for removed in update.removed_fields {
                document.remove(removed);
            }
        }
        if is_of_the_group(document) { difference(&before, document) } else { Vec::new() }
    }
}

fn is_of_the_group(document: &Document) -> bool {
    document.get_str("groupId").is_ok_and(|group| group == GROUP)
}

/// The server may name a field within a document. What is within an array is of no interest here.
fn set(document: &mut Document, path: &str, value: Bson) {
    match path.split_once('.') {
        None => {
            document.insert(path, value);
        }
        Some((field, rest)) => {
            if let Ok(inner) = document.get_document_mut(field) {
                set(inner, rest, value);
            }
        }
    }
}

fn difference(before: &Document, after: &Document) -> Vec<Happening> {
    let offset = match offset_document::decode(after) {
        Ok(offset) => offset,
        Err(error) => return vec![Happening::Noted { text: format!("an offset cannot be read: {error}") }],
    };
    let (partition, epoch) = (offset.key.partition, Some(offset.epoch));
    let mut happenings = Vec::new();
    let is_new = |field| before.get(field) != after.get(field);
    match offset.owner {
        Some(owner) if is_new("epoch") => {
            happenings.push(Happening::AssignmentGained { partition, epoch, owner: Some(owner) });
        }
        None if is_new("owner") => happenings.push(Happening::AssignmentLost { partition }),
        _ => {}
    }
    if is_new("position") {
        let position = offset.position.as_ref();
        let token = position.and_then(Position::stream_token).map(|token| token.as_str().to_owned());
        let history = match position {
            Some(Position::History(history)) => match history.finished {
                HistoryProgress::Stamped { after } => Some((after.seconds, after.increment)),
                HistoryProgress::Unstamped { .. } => None,
            },
            _ => None,
        };
        happenings.push(Happening::Committed { partition, epoch, token, history });
    }
    happenings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(updated_fields: Document) -> UpdateDescription {
        bson::deserialize_from_document(doc! { "updatedFields": updated_fields, "removedFields": [] })
            .unwrap()
    }

    #[test]
    fn changes_become_happenings() {
        let mut offsets = OffsetDocuments::default();
        let mut tell = |whole, update| offsets.changed(&Bson::Int32(1), whole, update);
        let claimed = doc! { "groupId": GROUP, "topic": "t", "partition": 3, "owner": "a", "epoch": 1_i64 };
        let gained = |epoch, owner: &str| {
            let owner = Some(owner.to_owned());
            [Happening::AssignmentGained { partition: 3, epoch: Some(epoch), owner }]
        };
        let committed = |epoch, token: &str| {
            let token = Some(token.to_owned());
            [Happening::Committed { partition: 3, epoch: Some(epoch), token, history: None }]
        };
        assert_eq!(tell(Some(claimed), None), gained(1, "a"));
        let first = "82000000010000000100";
        let position = doc! { "position": { "token": first }, "revision": 1_i64 };
        assert_eq!(tell(None, Some(update(position))), committed(1, first));
        let second = "82000000010000000200";
        let within = doc! { "position.token": second };
        assert_eq!(tell(None, Some(update(within))), committed(1, second));
        assert_eq!(tell(None, Some(update(doc! { "uncleanEnds": 1_i64 }))), []);
        let taken = doc! { "owner": "b", "epoch": 2_i64 };
        assert_eq!(tell(None, Some(update(taken))), gained(2, "b"));
        let released = doc! { "owner": Bson::Null };
        assert_eq!(tell(None, Some(update(released))), [Happening::AssignmentLost { partition: 3 }]);
        let other = doc! { "groupId": "other", "topic": "t", "partition": 3, "owner": "a", "epoch": 1_i64 };
        assert_eq!(offsets.changed(&Bson::Int32(2), Some(other), None), []);
    }

    #[test]
    fn dead_letters_are_named_by_their_value() {
        let letter = doc! { "groupId": GROUP, "partition": 1, "message": { "value": "v" } };
        assert_eq!(dead_letter(&letter), Some(Happening::DeadLettered { partition: 1, value: "v".into() }));
        let other = doc! { "groupId": "other", "partition": 1, "message": { "value": "v" } };
        assert_eq!(dead_letter(&other), None);
    }
}
