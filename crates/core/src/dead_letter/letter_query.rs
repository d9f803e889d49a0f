//! Looking through letters page by page. Pure.

use std::fmt::Write;

use bson::{Bson, Document, doc};

use super::letter_filter::{LetterFilter, LetterScope};
use super::stored_letter::StoredLetter;
use crate::config::config_fields::{ConfigFields, TextRule};
use crate::error::Result;
use crate::feed::stream_token::StreamToken;
use crate::store::dead_letter_document;

const DEFAULT_LIMIT: u32 = 100;

const POSITION: TextRule = TextRule {
    demand: "give `after` of the page before, or leave it out for the first page",
    accepts: |text| LetterPosition::parse(text).is_some(),
};

/// In which order letters are listed: that of their messages in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterOrder {
    /// The newest message first.
    Newest,
    /// The oldest message first.
    Oldest,
}

const ORDERS: [(&str, LetterOrder); 2] = [("newest", LetterOrder::Newest), ("oldest", LetterOrder::Oldest)];

/// A place among the letters of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterPosition {
    /// Place of a letter's message; `None` comes before all others.
    pub place: Option<StreamToken>,
    /// `_id` of the letter's document, which orders those of one place.
    pub id: Document,
}

/// A page of letters to list.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterQuery {
    /// Which letters.
    pub filter: LetterFilter,
    /// In which order.
    pub order: LetterOrder,
    /// At most so many, 1 to 1000. A page also ends after 16 MiB of messages.
    pub limit: u32,
    /// Behind this place; `None` for the first page.
    pub after: Option<LetterPosition>,
}

/// A page of letters.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterPage {
    /// The letters, in order.
    pub letters: Vec<StoredLetter>,
    /// Whether there are no more behind them.
    pub is_last: bool,
}

impl LetterQuery {
    /// Checks and reads what `list` was given.
    pub fn from_document(document: &Document, scope: &LetterScope) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let query = Self {
            filter: LetterFilter::read(&mut fields, scope, &["order", "limit", "after"]),
            order: fields.one_of("order", &ORDERS, str::eq).unwrap_or(LetterOrder::Newest),
            limit: fields.integer("limit", 1..=1000, DEFAULT_LIMIT),
            after: fields.optional_text("after", &POSITION).and_then(|text| LetterPosition::parse(&text)),
        };
        fields.finish("The query of dead letters", query)
    }
}

impl LetterPage {
    /// What the query of the next page needs; `None` behind the last one.
    pub fn next(&self) -> Option<LetterPosition> {
        self.letters.last().filter(|_| !self.is_last).map(LetterPosition::of)
    }
}

impl LetterPosition {
    /// The place of a letter.
    pub fn of(letter: &StoredLetter) -> Self {
        Self { place: letter.place.clone(), id: dead_letter_document::encode_id(&letter.id) }
    }

    /// A text that [`LetterPosition::parse`] reads. Opaque to users.
    pub fn to_text(&self) -> String {
        let place = self.place.as_ref().map_or(Bson::Null, |place| place.as_str().into());
        let bytes = bson::serialize_to_vec(&doc! { "p": place, "i": &self.id }).unwrap_or_default();
        bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads the text of a position. `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes: Option<Vec<u8>> =
            digits.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect();
        let document: Document = bson::deserialize_from_slice(&bytes?).ok()?;
        let place = match document.get("p")? {
            Bson::Null => None,
            place => Some(StreamToken::parse(place.as_str()?)?),
        };
        Some(Self { place, id: document.get_document("i").ok()?.clone() })
    }
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;

    use super::*;

    fn position(place: Option<&str>) -> LetterPosition {
        let place = place.map(|place| StreamToken::parse(place).expect("a token"));
        LetterPosition { place, id: doc! { "groupId": "g", "messageId": ObjectId::from_bytes([7; 12]) } }
    }

    #[test]
    fn a_position_survives_as_text() {
        for position in [position(None), position(Some("826B04662D000000062B0229296E04"))] {
            assert_eq!(LetterPosition::parse(&position.to_text()), Some(position));
        }
        for bad in ["", "0", "zz", "00", "é0", "0500000000", "1+", "next"] {
            assert_eq!(LetterPosition::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_a_query() {
        let scope = LetterScope { group_id: "g".into(), topic: None };
        let read = |document: Document| LetterQuery::from_document(&document, &scope);
        let first = read(doc! {}).unwrap();
        assert_eq!((first.order, first.limit, first.after), (LetterOrder::Newest, 100, None));
        assert_eq!(first.filter, scope.everything());
        let after = position(None);
        let next = read(doc! { "order": "oldest", "limit": 7, "after": after.to_text(), "partition": 1 });
        let next = next.unwrap();
        assert_eq!((next.order, next.limit, next.after), (LetterOrder::Oldest, 7, Some(after)));
        assert_eq!(next.filter.partition, Some(1));

        let error = read(doc! { "order": "best", "limit": 1001, "after": "x", "skip": 5 }).unwrap_err();
        let named: Vec<_> =
            error.message().lines().skip(1).filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(named, ["skip", "order", "limit", "after"]);
    }
}
