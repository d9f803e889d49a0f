//! Writes the records of one delivery in the form in which they cross to the user's language:
//! `{ partition, reportEveryMs, records: [ … ] }`. A record is JSON text (see `record_json`) where that loses nothing, else
//! `{ o, i, k, h, t, v, a, d, r }` with token, id, key, headers, timestamp, value, attempt (absent at the first), whether it
//! may be a duplicate and whether it is redriven (absent if not).

use bson::RawDocument;
use bson::spec::ElementType;

use super::bson_writer::{BsonWriter, OpenDocument};
use super::record_json;
use super::record_layout::{EMPTY_DOCUMENT, StoredMessage};
use crate::consumer::record_handler::DeliveredMessage;
use crate::feed::stream_token::StreamToken;

/// Room for a few small records; larger deliveries grow.
const INITIAL_CAPACITY: usize = 1024;

/// A delivery that is being written.
pub struct DeliveryBytes {
    out: BsonWriter,
    root: OpenDocument,
    records: OpenDocument,
    next_index: usize,
    text: Vec<u8>,
    scratch: Vec<u8>,
}

impl DeliveryBytes {
    /// A delivery of a partition.
    pub fn new(partition: u32, report_every_ms: u32) -> Self {
        let mut out = BsonWriter::with_capacity(INITIAL_CAPACITY);
        let root = out.open_root();
        out.int32("partition", partition);
        out.int32("reportEveryMs", report_every_ms);
        let records = out.open(ElementType::Array, "records");
        Self { out, root, records, next_index: 0, text: Vec::new(), scratch: Vec::new() }
    }

    /// Adds a record.
    pub fn push(&mut self, delivered: &DeliveredMessage<'_>) {
        let message = &delivered.stored;
        let index = self.next_index.to_string();
        self.next_index += 1;
        let out = &mut self.out;
        self.text.clear();
        if record_json::write_record(&mut self.text, &mut self.scratch, delivered) {
            return out.string_bytes(&index, &self.text);
        }
        let record = out.open(ElementType::EmbeddedDocument, &index);
        write_message(out, delivered.token.map(StreamToken::as_str), message);
        if delivered.attempt > 1 {
            out.int32("a", delivered.attempt);
        }
        if delivered.possible_duplicate {
            out.boolean("d", true);
        }
        if delivered.redriven {
            out.boolean("r", true);
        }
        out.close(record);
    }

    /// The delivery, whole.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.close(self.records);
        self.out.close(self.root);
        self.out.into_bytes()
    }
}

/// The fields of a record that say what the message is.
pub(super) fn write_message(out: &mut BsonWriter, token: Option<&str>, message: &StoredMessage<'_>) {
    out.optional_string("o", token);
    out.string("i", &message.id_text());
    out.optional_string("k", message.key);
    let headers = message.headers.map_or(EMPTY_DOCUMENT.as_slice(), RawDocument::as_bytes);
    out.element(ElementType::EmbeddedDocument, "h", headers);
    out.element(ElementType::DateTime, "t", &message.timestamp.timestamp_millis().to_le_bytes());
    out.name(message.value_type(), "v");
    message.write_value(out.buffer());
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, Document, RawDocument, doc, rawdoc};

    use super::*;
    use crate::record::record_layout::decode;

    const TOKEN: &str = "826B04662D000000062B0229296E04";

    fn delivered<'a>(token: Option<&'a StreamToken>, stored: &'a RawDocument) -> DeliveredMessage<'a> {
        DeliveredMessage {
            token,
            stored: decode(stored).unwrap(),
            attempt: 1,
            possible_duplicate: false,
            redriven: false,
        }
    }

    fn document(bytes: &[u8]) -> Document {
        Document::try_from(RawDocument::from_bytes(bytes).unwrap()).unwrap()
    }

    #[test]
    fn writes_what_the_other_side_reads() {
        let time = DateTime::from_millis(9);
        let ours = rawdoc! { "_id": "a", "x": { "y": time }, "_headers": { "h": 1 }, "_timestamp": time, "_key": "k" };
        let wrapped = rawdoc! { "_id": 5, "_value": [1, time], "_timestamp": time, "_key": null };
        let plain = rawdoc! { "_id": "b", "x": 1, "_timestamp": time };
        let token = StreamToken::parse(TOKEN).unwrap();
        let mut delivery = DeliveryBytes::new(3, 250);
        delivery.push(&delivered(Some(&token), &ours));
        let again = DeliveredMessage {
            attempt: 2,
            possible_duplicate: true,
            redriven: true,
            ..delivered(None, &wrapped)
        };
        delivery.push(&again);
        delivery.push(&delivered(None, &plain));
        let expected = doc! {
            "partition": 3,
            "reportEveryMs": 250,
            "records": [
                { "o": TOKEN, "i": "a", "k": "k", "h": { "h": 1 }, "t": time, "v": { "x": { "y": time } } },
                { "o": null, "i": "5", "k": null, "h": {}, "t": time, "v": [1, time], "a": 2, "d": true, "r": true },
                r#"[null,"b",null,9,{},{"x":1},1,false,false]"#,
            ],
        };
        assert_eq!(document(&delivery.finish()), expected);
    }

    #[test]
    fn numbers_its_records_as_an_array_does() {
        let stored = rawdoc! { "_id": 1 };
        let mut delivery = DeliveryBytes::new(0, 1);
        for _ in 0..11 {
            delivery.push(&delivered(None, &stored));
        }
        let records = document(&delivery.finish()).get_array("records").unwrap().clone();
        assert_eq!(records.len(), 11);
        assert!(records.iter().all(|record| record.as_str().unwrap().contains(",{},{},1,")));
    }

    #[test]
    fn may_be_empty() {
        let bytes = DeliveryBytes::new(0, 1).finish();
        assert_eq!(document(&bytes).get_array("records").unwrap().len(), 0);
    }
}
