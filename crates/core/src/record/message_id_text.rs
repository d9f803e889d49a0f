//! Ids of messages as people and JavaScript see them, and back. Pure.

use bson::Bson;
use bson::oid::ObjectId;

/// The id for people and for JavaScript: the hexadecimal digits of an `ObjectId`, a text as it is, anything else as
/// extended JSON.
pub(crate) fn message_id_text(id: &Bson) -> String {
    match id {
        Bson::ObjectId(id) => id.to_hex(),
        Bson::String(id) => id.clone(),
        other => serde_json::to_string(other).unwrap_or_else(|_| "unreadable".to_owned()),
    }
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
