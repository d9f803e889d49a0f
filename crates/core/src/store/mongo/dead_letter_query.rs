//! Filters of dead letters in the server's terms. Pure.

use bson::{Bson, Document, doc};

use crate::dead_letter::{LetterFilter, LetterOrder, LetterPosition};
use crate::feed::stream_token::StreamToken;
use crate::record::message_id_text::ids_shown_as;

/// Letters that the filter means.
pub(super) fn matching(filter: &LetterFilter) -> Document {
    let mut query = doc! { "groupId": &filter.group_id };
    if let Some(topic) = &filter.topic {
        query.insert("topic", topic);
    }
    if let Some(partition) = filter.partition {
        query.insert("partition", partition);
    }
    if let Some(ids) = &filter.message_ids {
        let ids: Vec<_> = ids.iter().flat_map(|id| ids_shown_as(id)).collect();
        query.insert("_id.messageId", doc! { "$in": ids });
    }
    if let Some(key) = &filter.key {
        query.insert("message._key", key);
    }
    if let Some(name) = &filter.error_name {
        let newest = doc! { "$arrayElemAt": ["$errors.name", -1] };
        query.insert("$expr", doc! { "$eq": [newest, { "$literal": name }] });
    }
    let mut dead_at = Document::new();
    dead_at.extend(filter.since.map(|since| ("$gte".to_owned(), Bson::DateTime(since))));
    dead_at.extend(filter.until.map(|until| ("$lt".to_owned(), Bson::DateTime(until))));
    if !dead_at.is_empty() {
        query.insert("deadAt", dead_at);
    }
    if let Some(redriving) = filter.redriving {
        query.insert("redrive.id", doc! { "$exists": redriving });
    }
    query
}

/// The order in which letters stand.
pub(super) fn sort(order: LetterOrder) -> Document {
    let direction = match order {
        LetterOrder::Newest => -1,
        LetterOrder::Oldest => 1,
    };
    doc! { "place": direction, "_id": direction }
}

/// Letters behind a place. Those without a place stand first; a comparison alone would never find them.
pub(super) fn behind(position: &LetterPosition, order: LetterOrder) -> Document {
    let id = &position.id;
    let place = position.place.as_ref().map(StreamToken::as_str);
    match (order, place) {
        (LetterOrder::Oldest, None) => {
            doc! { "$or": [{ "place": null, "_id": { "$gt": id } }, { "place": { "$gt": "" } }] }
        }
        (LetterOrder::Oldest, Some(place)) => {
            doc! { "$or": [{ "place": place, "_id": { "$gt": id } }, { "place": { "$gt": place } }] }
        }
        (LetterOrder::Newest, None) => doc! { "place": null, "_id": { "$lt": id } },
        (LetterOrder::Newest, Some(place)) => doc! {
            "$or": [
                { "place": place, "_id": { "$lt": id } },
                { "place": { "$lt": place } },
                { "place": null },
            ]
        },
    }
}

#[cfg(test)]
mod tests {
    use bson::DateTime;
    use bson::oid::ObjectId;

    use super::*;
    use crate::dead_letter::LetterScope;

    #[test]
    fn names_only_what_is_asked_for() {
        let scope = LetterScope { group_id: "g".into(), topic: None };
        assert_eq!(matching(&scope.everything()), doc! { "groupId": "g" });
    }

    #[test]
    fn every_condition_has_a_form() {
        let (since, until) = (DateTime::from_millis(1), DateTime::from_millis(2));
        let id = ObjectId::from_bytes([1; 12]);
        let filter = LetterFilter {
            group_id: "g".into(),
            topic: Some("t".into()),
            partition: Some(3),
            message_ids: Some(vec!["a".into(), id.to_hex()]),
            key: Some("k".into()),
            error_name: Some("$name".into()),
            since: Some(since),
            until: Some(until),
            redriving: Some(true),
        };
        let expected = doc! {
            "groupId": "g",
            "topic": "t",
            "partition": 3,
            "_id.messageId": { "$in": ["a", id.to_hex(), id] },
            "message._key": "k",
            "$expr": { "$eq": [{ "$arrayElemAt": ["$errors.name", -1] }, { "$literal": "$name" }] },
            "deadAt": { "$gte": since, "$lt": until },
            "redrive.id": { "$exists": true },
        };
        assert_eq!(matching(&filter), expected);
        let until_only = LetterFilter {
            until: Some(until),
            ..LetterScope { group_id: "g".into(), topic: None }.everything()
        };
        assert_eq!(matching(&until_only), doc! { "groupId": "g", "deadAt": { "$lt": until } });
    }
}
