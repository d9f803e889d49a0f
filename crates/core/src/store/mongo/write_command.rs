//! A write command of our own, put together from bytes: `insert` with documents, `update` with updates.
//!
//! The driver makes a retryable write of each of its own, which costs the server a second write, into its session table;
//! whoever writes here tries again by himself, in a way that does no harm. And it copies each document more often.

use std::time::Duration;

use bson::spec::ElementType;
use bson::{Bson, Document, RawDocumentBuf};
use mongodb::options::{Acknowledgment, WriteConcern};

use super::mongo_error;
use crate::error::{Error, Result};
use crate::record::bson_writer::BsonWriter;

/// The server takes commands of 16 MiB and 16 KiB. The rest of that is for what the driver adds.
const MOST_BYTES: usize = (16 << 20) + (12 << 10);
/// The server takes so many.
const MOST_STATEMENTS: usize = 100_000;
/// Type, name and terminator of an element of an array of that length.
const ELEMENT_FRAME: usize = 1 + 5 + 1;

/// Which command it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum WriteKind {
    Insert,
    Update,
}

impl WriteKind {
    /// The command, and the name of its statements.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Insert => ("insert", "documents"),
            Self::Update => ("update", "updates"),
        }
    }
}

/// How many of the statements go into one command; at least one.
pub(super) fn fitting(statements: &[RawDocumentBuf]) -> usize {
    let mut bytes = 0;
    let fits = statements.iter().take(MOST_STATEMENTS).take_while(|statement| {
        bytes += statement.as_bytes().len() + ELEMENT_FRAME;
        bytes <= MOST_BYTES
    });
    fits.count().max(1)
}

/// A command without its statements.
pub(super) struct WriteCommand<'a> {
    pub(super) kind: WriteKind,
    pub(super) collection: &'a str,
    pub(super) write_concern: &'a WriteConcern,
    /// After which the server breaks it off.
    pub(super) limit: Option<Duration>,
}

impl WriteCommand<'_> {
    /// The command with these statements. Unordered means that one refused statement does not take those behind it along;
    /// a replica set still applies them in the order given.
    pub(super) fn with(&self, statements: &[RawDocumentBuf]) -> Result<RawDocumentBuf> {
        let bytes: usize =
            statements.iter().map(|statement| statement.as_bytes().len() + ELEMENT_FRAME).sum();
        let (command_name, array_name) = self.kind.names();
        let mut out = BsonWriter::with_capacity(bytes + self.collection.len() + 256);
        let command = out.open_root();
        out.string(command_name, self.collection);
        out.boolean("ordered", false);
        if let Some(limit) = self.limit {
            out.int32("maxTimeMS", milliseconds(limit));
        }
        let concern = out.open(ElementType::EmbeddedDocument, "writeConcern");
        write_write_concern(&mut out, self.write_concern);
        out.close(concern);
        let array = out.open(ElementType::Array, array_name);
        for (index, statement) in statements.iter().enumerate() {
            out.element(ElementType::EmbeddedDocument, &index.to_string(), statement.as_bytes());
        }
        out.close(array);
        out.close(command);
        RawDocumentBuf::from_bytes(out.into_bytes())
            .map_err(|error| Error::internal("a write was encoded badly").caused_by(error))
    }
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn write_write_concern(out: &mut BsonWriter, concern: &WriteConcern) {
    match &concern.w {
        Some(Acknowledgment::Nodes(nodes)) => out.int32("w", *nodes),
        Some(Acknowledgment::Custom(tag)) => out.string("w", tag),
        Some(_) | None => out.string("w", "majority"),
    }
    if let Some(journal) = concern.journal {
        out.boolean("j", journal);
    }
    if let Some(timeout) = concern.w_timeout {
        out.int32("wtimeout", milliseconds(timeout));
    }
}

/// A statement that the server refused.
#[derive(Debug)]
pub(super) struct RefusedStatement {
    /// Which one of the command.
    pub(super) index: usize,
    pub(super) code: i32,
    /// May quote values.
    pub(super) message: String,
}

/// What a reply that the driver takes for a success says of single statements. Fails if the write as a whole is not
/// acknowledged, or was broken off: then all may be tried again.
pub(super) fn refused_statements(what: &str, reply: &Document) -> Result<Vec<RefusedStatement>> {
    if let Ok(concern) = reply.get_document("writeConcernError") {
        return Err(failed(&format!("{what}: not acknowledged by as many servers as it has to be"), concern));
    }
    let errors = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let mut refused = Vec::new();
    for error in errors.iter().filter_map(Bson::as_document) {
        if mongo_error::is_transient_code(integer(error, "code")) {
            return Err(failed(&format!("{what}: broken off by the server"), error));
        }
        refused.push(RefusedStatement {
            index: usize::try_from(integer(error, "index")).unwrap_or_default(),
            code: integer(error, "code"),
            message: error.get_str("errmsg").unwrap_or_default().to_owned(),
        });
    }
    Ok(refused)
}

fn failed(what: &str, error: &Document) -> Error {
    let message = mongo_error::without_values(error.get_str("errmsg").unwrap_or_default());
    mongo_error::of_code(what, integer(error, "code")).caused_by(message)
}

fn integer(document: &Document, field: &str) -> i32 {
    document.get_i32(field).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc, rawdoc};

    use super::*;
    use crate::error_code::{Effect, ErrorCode};

    fn document(bytes: usize) -> RawDocumentBuf {
        rawdoc! { "x": "x".repeat(bytes) }
    }

    fn read(kind: WriteKind, statements: &[RawDocumentBuf], concern: &WriteConcern) -> Document {
        let command = WriteCommand { kind, collection: "t_p0", write_concern: concern, limit: None };
        Document::try_from(&*command.with(statements).unwrap()).unwrap()
    }

    #[test]
    fn a_command_holds_the_statements_as_they_are() {
        let statements: Vec<_> = (0..11).map(|n| rawdoc! { "_id": n }).collect();
        let concern = WriteConcern::builder().w(Acknowledgment::Nodes(2)).journal(true).build();
        for (kind, name, array) in
            [(WriteKind::Insert, "insert", "documents"), (WriteKind::Update, "update", "updates")]
        {
            let command = read(kind, &statements, &concern);
            assert_eq!(command.get_str(name).unwrap(), "t_p0");
            assert_eq!(command.get_document("writeConcern").unwrap(), &doc! { "w": 2, "j": true });
            assert_eq!(command.get_array(array).unwrap().len(), 11);
            assert_eq!(command.get_array(array).unwrap()[10], bson::bson!({ "_id": 10 }));
        }
    }

    #[test]
    fn the_write_concern_of_the_connection_string_goes_along() {
        let written = |concern| {
            let command = read(WriteKind::Insert, &[document(1)], &concern);
            command.get_document("writeConcern").unwrap().clone()
        };
        assert_eq!(written(WriteConcern::majority()), doc! { "w": "majority" });
        let tagged = WriteConcern::builder().w(Acknowledgment::Custom("near".into()));
        let tagged = tagged.w_timeout(Duration::from_secs(1)).build();
        assert_eq!(written(tagged), doc! { "w": "near", "wtimeout": 1000 });
    }

    #[test]
    fn what_does_not_fit_is_left_to_the_next_command() {
        assert_eq!(fitting(&[document(10 << 20), document(6 << 20), document(1 << 20)]), 2);
        assert_eq!(fitting(&[document(10 << 20), document(5 << 20), document(2 << 20)]), 2);
        assert_eq!(fitting(&[document(17 << 20), document(1)]), 1);
    }

    #[test]
    fn refused_statements_are_told_one_by_one() {
        let refused = doc! { "index": 3, "code": 121, "errmsg": "Document failed validation" };
        let refused = refused_statements("insert", &doc! { "ok": 1, "writeErrors": [refused] }).unwrap();
        assert_eq!(refused.iter().map(|one| (one.index, one.code)).collect::<Vec<_>>(), [(3, 121)]);
        assert!(refused_statements("insert", &doc! { "ok": 1, "n": 1 }).unwrap().is_empty());
    }

    #[test]
    fn a_primary_that_steps_down_fails_the_whole_write() {
        let stepped_down = doc! { "code": 11602, "errmsg": "operation was interrupted" };
        for reply in
            [doc! { "writeConcernError": stepped_down.clone() }, doc! { "writeErrors": [stepped_down] }]
        {
            let error = refused_statements("insert", &reply).unwrap_err();
            assert_eq!((error.code(), error.effect()), (ErrorCode::ConnectionLost, Effect::Possible));
            assert!(error.is_retryable());
        }
    }
}
