//! Looking at dead letters, removing them, marking them for redrive. What may concern many letters is done in chunks,
//! each within the deadline of a call.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;

use super::connection::Connection;
use super::dead_letter_collection::collection;
use super::dead_letter_query::{behind, matching, sort};
use crate::dead_letter::{LetterFilter, LetterOrder, LetterPage, LetterPosition, LetterQuery, RedrivePlan};
use crate::error::Result;
use crate::feed::stream_token::StreamToken;
use crate::store::dead_letter_document::decode;

/// A page ends after so many bytes.
const MOST_PAGE_BYTES: usize = 16 << 20;
/// Letters changed by one call.
const CHUNK: i64 = 500;

pub(super) async fn list(connection: &Connection, query: &LetterQuery) -> Result<LetterPage> {
    let letters = collection::<RawDocumentBuf>(connection);
    let mut conditions = vec![matching(&query.filter)];
    conditions.extend(query.after.as_ref().map(|after| behind(after, query.order)));
    let find = letters.find(doc! { "$and": conditions }).sort(sort(query.order)).allow_disk_use(true);
    let limit = query.limit as usize;
    let read = async {
        let mut cursor = find.batch_size(query.limit.min(100) + 1).await?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some(letter) = cursor.try_next().await? {
            if found.len() >= limit || bytes >= MOST_PAGE_BYTES {
                return Ok((found, false));
            }
            bytes += letter.as_bytes().len();
            found.push(letter);
        }
        Ok((found, true))
    };
    let (found, is_last) = connection.within_deadline("list dead letters", read).await?;
    let letters = found.iter().map(|letter| decode(letter)).collect::<Result<_>>()?;
    Ok(LetterPage { letters, is_last })
}

pub(super) async fn count(connection: &Connection, filter: &LetterFilter) -> Result<u64> {
    let letters = collection::<Document>(connection);
    connection.within_deadline("count dead letters", letters.count_documents(matching(filter))).await
}

pub(super) async fn purge(connection: &Connection, filter: &LetterFilter) -> Result<u64> {
    let letters = collection::<Document>(connection);
    let mut chunks = Chunks::of(matching(filter));
    let mut purged = 0;
    while let Some(ids) = chunks.next(connection).await? {
        let delete = letters.delete_many(chunks.still(&ids));
        purged += connection.within_deadline("purge dead letters", delete).await?.deleted_count;
    }
    Ok(purged)
}

/// Chunks go forward, so a letter that is redriven and fails while this runs is not marked again.
pub(super) async fn request_redrive(
    connection: &Connection,
    filter: &LetterFilter,
    plan: &RedrivePlan,
) -> Result<u64> {
    let letters = collection::<Document>(connection);
    let unmarked = doc! { "redrive.id": { "$exists": false } };
    let mut chunks = Chunks::of(doc! { "$and": [matching(filter), unmarked] });
    let mut marked = 0;
    while let Some(ids) = chunks.next(connection).await? {
        let update = letters.update_many(chunks.still(&ids), mark(&ids, plan, marked));
        marked += connection.within_deadline("mark dead letters", update).await?.modified_count;
    }
    Ok(marked)
}

/// Gives each letter its turn, counted from the server's present time. Whoever is late may only be slower.
fn mark(ids: &[Bson], plan: &RedrivePlan, marked_before: u64) -> Vec<Document> {
    let turns: Vec<_> =
        (0..ids.len() as u64).map(|index| plan.turn_after_ms(marked_before + index)).collect();
    let index = doc! { "$indexOfArray": [{ "$literal": ids.to_vec() }, "$_id"] };
    let turn = doc! { "$arrayElemAt": [{ "$literal": turns }, index] };
    vec![
        doc! { "$set": { "redrive": {
            "id": { "$literal": &plan.id },
            "requestedAt": "$$NOW",
            "notBefore": { "$add": ["$$NOW", turn] },
            "interruptions": 0,
            "expiresAt": "$expiresAt",
        } } },
        doc! { "$unset": "expiresAt" },
    ]
}

pub(super) async fn cancel_redrive(connection: &Connection, filter: &LetterFilter) -> Result<u64> {
    let letters = collection::<Document>(connection);
    let waiting = doc! { "redrive.id": { "$exists": true }, "redrive.epoch": { "$exists": false } };
    let mut chunks = Chunks::of(doc! { "$and": [matching(filter), waiting] });
    let unmark = vec![
        doc! { "$set": { "expiresAt": { "$ifNull": ["$redrive.expiresAt", "$$REMOVE"] } } },
        doc! { "$unset": "redrive" },
    ];
    let mut cancelled = 0;
    while let Some(ids) = chunks.next(connection).await? {
        let update = letters.update_many(chunks.still(&ids), unmark.clone());
        cancelled += connection.within_deadline("unmark dead letters", update).await?.modified_count;
    }
    Ok(cancelled)
}

/// The ids of the letters that a query finds, in order, some at a time.
struct Chunks {
    query: Document,
    after: Option<LetterPosition>,
}

impl Chunks {
    fn of(query: Document) -> Self {
        Self { query, after: None }
    }

    /// The next ids; `None` behind the last.
    async fn next(&mut self, connection: &Connection) -> Result<Option<Vec<Bson>>> {
        let letters = collection::<Document>(connection);
        let mut conditions = vec![self.query.clone()];
        conditions.extend(self.after.as_ref().map(|after| behind(after, LetterOrder::Oldest)));
        let find = letters.find(doc! { "$and": conditions }).sort(sort(LetterOrder::Oldest)).limit(CHUNK);
        let find = find.projection(doc! { "place": 1 }).allow_disk_use(true);
        let read = async { find.await?.try_collect::<Vec<_>>().await };
        let found = connection.within_deadline("find dead letters", read).await?;
        let Some(last) = found.last().and_then(position) else { return Ok(None) };
        self.after = Some(last);
        Ok(Some(found.into_iter().filter_map(|mut letter| letter.remove("_id")).collect()))
    }

    /// Those of these letters that the query still finds.
    fn still(&self, ids: &[Bson]) -> Document {
        doc! { "$and": [{ "_id": { "$in": ids.to_vec() } }, self.query.clone()] }
    }
}

fn position(letter: &Document) -> Option<LetterPosition> {
    let place = letter.get_str("place").ok().and_then(StreamToken::parse);
    Some(LetterPosition { place, id: letter.get_document("_id").ok()?.clone() })
}
