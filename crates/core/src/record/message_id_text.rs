//! Ids of messages as people and JavaScript see them, and back. Pure.

use std::borrow::Cow;

use bson::oid::ObjectId;
use bson::{Bson, RawBson, RawBsonRef, RawDocument};

const UNREADABLE: &str = "unreadable";

/// The id for people and for JavaScript: the hexadecimal digits of an `ObjectId`, a text as it is, anything else as
/// extended JSON.
pub(crate) fn raw_id_text(id: RawBsonRef<'_>) -> Cow<'_, str> {
    match id {
        RawBsonRef::String(text) => Cow::Borrowed(text),
        RawBsonRef::ObjectId(id) => Cow::Owned(id.to_hex()),
        other => Cow::Owned(serde_json::to_string(&other).unwrap_or_else(|_| UNREADABLE.to_owned())),
    }
}

/// The same.
pub(crate) fn message_id_text(id: &Bson) -> String {
    RawBson::try_from(id.clone())
        .map_or_else(|_| UNREADABLE.to_owned(), |id| raw_id_text(id.as_raw_bson_ref()).into_owned())
}

/// The same of a stored message, which need not be readable otherwise.
pub(crate) fn stored_id_text(document: &RawDocument) -> String {
    let id = document.get("_id").ok().flatten();
    id.map_or_else(|| UNREADABLE.to_owned(), |id| raw_id_text(id).into_owned())
}

/// Every id that this text may stand for.
pub(crate) fn ids_shown_as(text: &str) -> Vec<Bson> {
    let mut ids = vec![Bson::String(text.to_owned())];
    ids.extend(ObjectId::parse_str(text).ok().map(Bson::ObjectId));
    let json = serde_json::from_str(text).ok();
    ids.extend(json.filter(|id| !matches!(id, Bson::String(_) | Bson::ObjectId(_))));
    ids
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, bson, doc};

    use super::*;

    #[test]
    fn an_id_is_among_those_that_its_text_may_stand_for() {
        let ids: [(Bson, &str); 6] = [
            ("order-1".into(), "order-1"),
            ("42".into(), "42"),
            (42.into(), "42"),
            (ObjectId::from_bytes([1; 12]).into(), "010101010101010101010101"),
            (DateTime::from_millis(5).into(), r#"{"$date":{"$numberLong":"5"}}"#),
            (bson!(doc! { "shard": "a", "n": 5 }), r#"{"shard":"a","n":5}"#),
        ];
        for (id, text) in ids {
            assert_eq!(message_id_text(&id), text);
            assert_eq!(
                stored_id_text(&bson::rawdoc! { "_id": RawBson::try_from(id.clone()).unwrap() }),
                text
            );
            let found = ids_shown_as(text);
            let same = |other: &&Bson| match (*other, &id) {
                // A number is the same id in every width.
                (Bson::Int64(a), Bson::Int32(b)) => *a == i64::from(*b),
                (a, b) => a == b,
            };
            assert_eq!(found.iter().filter(same).count(), 1, "{text}: {found:?}");
        }
    }
}
