//! Inserting messages.

use std::time::Duration;

use bson::RawDocumentBuf;

use super::connection::{Connection, no_answer};
use super::mongo_error;
use super::write_command::{RefusedStatement, WriteCommand, WriteKind, fitting, refused_statements};
use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::store::contract::AppendFailure;

/// A server that is frozen never answers; another one may do. Trying again is safe: the ids are the same.
const LONGEST_INSERT: Duration = Duration::from_secs(10);

/// Inserts messages in the order given, which the order within a partition rests on.
pub(super) async fn append(
    connection: &Connection,
    collection: &str,
    documents: &[RawDocumentBuf],
) -> Result<Vec<AppendFailure>> {
    let limit = connection.operation_timeout().min(LONGEST_INSERT);
    let database = connection.database();
    let insert = WriteCommand {
        kind: WriteKind::Insert,
        collection,
        write_concern: connection.write_concern(),
        limit: None,
    };
    let mut refused = Vec::new();
    let mut first = 0;
    while first < documents.len() {
        let count = fitting(&documents[first..]);
        let command = database.run_raw_command(insert.with(&documents[first..first + count])?);
        let reply = match connection.answer_within(limit, command).await {
            Some(reply) => reply.map_err(|error| mongo_error::convert("insert", &error))?,
            None => return Err(no_answer("insert", limit)),
        };
        let failures = refused_statements("insert", &reply)?.into_iter().filter_map(refused_message);
        refused.extend(failures.map(|failure| AppendFailure { index: first + failure.index, ..failure }));
        first += count;
    }
    Ok(refused)
}

/// `None` for a message that is stored already: a second try of ours, or a send repeated with the same id.
fn refused_message(refused: RefusedStatement) -> Option<AppendFailure> {
    let RefusedStatement { index, code, message } = refused;
    let stored_already = mongo_error::is_duplicate_key_code(code) && message.contains("index: _id_");
    let text = format!(
        "the server refused the message (code {code}); look at the collection's indexes and validator"
    );
    (!stored_already).then(|| AppendFailure {
        index,
        error: Error::new(ErrorCode::InvalidMessage, text)
            .with_effect(Effect::None)
            .caused_by(mongo_error::without_values(&message)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_stored_already_is_no_failure() {
        let refused = |message: &str| RefusedStatement { index: 1, code: 11000, message: message.to_owned() };
        assert!(refused_message(refused("E11000 … index: _id_ dup key: { _id: \"a\" }")).is_none());
        let failure =
            refused_message(refused("E11000 … index: email_1 dup key: { email: \"secret\" }")).unwrap();
        assert_eq!((failure.index, failure.error.code()), (1, ErrorCode::InvalidMessage));
        assert!(!format!("{:?}", failure.error).contains("secret"));
    }
}
