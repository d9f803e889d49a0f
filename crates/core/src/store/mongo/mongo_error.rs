//! The driver's errors in our terms. The only table of server error codes.

use mongodb::error::{Error as DriverError, ErrorKind};

use crate::error::Error;
use crate::error_code::{Effect, ErrorCode};

const UNAUTHORIZED: [i32; 3] = [13, 18, 8000];
const NAMESPACE_EXISTS: i32 = 48;
const NAMESPACE_NOT_FOUND: i32 = 26;
const INDEX_CONFLICTS: [i32; 2] = [85, 86];
const DUPLICATE_KEYS: [i32; 2] = [11000, 11001];
/// The change stream cannot go on from where it was: history lost, stream fatal, invalid token, and the oplog
/// overtook the cursor. Or the server no longer knows how a collection was: snapshot too old, snapshot unavailable.
const HISTORY_LOST: [i32; 6] = [286, 280, 260, 136, 239, 246];
/// `$changeStream` on a standalone server.
const NO_CHANGE_STREAMS: i32 = 40573;
/// The server's own word that trying again may help.
const RESUMABLE: [&str; 2] = ["ResumableChangeStreamError", "RetryableWriteError"];
const DEADLINE: [i32; 2] = [50, 262];
/// The primary stepped down or is shutting down: the write may have been done before.
const NOT_PRIMARY: [i32; 8] = [91, 189, 10058, 10107, 11600, 11602, 13435, 13436];
/// The servers lost each other, or a router's view was old: what the drivers' specification calls resumable.
const TRANSIENT: [i32; 9] = [6, 7, 63, 89, 133, 150, 234, 9001, 13388];
/// A transaction met a concurrent change.
const WRITE_CONFLICT: i32 = 112;

/// An error of the driver, told by what it means for the caller. `what` names the call that failed.
pub(super) fn convert(what: &str, error: &DriverError) -> Error {
    let code = classify(error);
    let converted = Error::new(code, format!("{what}: {}", headline(code))).caused_by(text(error));
    match error.kind.as_ref() {
        ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => {
            converted.with_effect(Effect::None)
        }
        _ => converted,
    }
}

/// The driver's own text carries the server's whole answer, in which payloads may be quoted.
fn text(error: &DriverError) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => {
            format!("{} ({}): {}", command.code_name, command.code, without_values(&command.message))
        }
        ErrorKind::Write(_) | ErrorKind::InsertMany(_) | ErrorKind::BulkWrite(_) => server_code(error)
            .map_or_else(|| "write error".to_owned(), |code| format!("write error (code {code})")),
        kind => kind.to_string(),
    }
}

/// The server quotes the offending key behind `dup key:`.
pub(super) fn without_values(message: &str) -> &str {
    message.split(" dup key:").next().unwrap_or(message)
}

fn classify(error: &DriverError) -> ErrorCode {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => ErrorCode::Unauthorized,
        ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => ErrorCode::Unavailable,
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => ErrorCode::ConnectionLost,
        ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. } => ErrorCode::InvalidConfig,
        ErrorKind::Shutdown => ErrorCode::Closed,
        _ if RESUMABLE.iter().any(|label| error.contains_label(label)) => ErrorCode::ConnectionLost,
        _ => server_code(error).map_or(ErrorCode::Internal, classify_server_code),
    }
}

fn classify_server_code(code: i32) -> ErrorCode {
    match code {
        code if UNAUTHORIZED.contains(&code) => ErrorCode::Unauthorized,
        code if HISTORY_LOST.contains(&code) => ErrorCode::HistoryLost,
        code if DEADLINE.contains(&code) => ErrorCode::Timeout,
        code if NOT_PRIMARY.contains(&code) || TRANSIENT.contains(&code) || code == WRITE_CONFLICT => {
            ErrorCode::ConnectionLost
        }
        // CursorNotFound, CursorKilled: the cursor is gone, the position is not.
        43 | 237 => ErrorCode::ConnectionLost,
        NO_CHANGE_STREAMS => ErrorCode::NotReplicaSet,
        _ => ErrorCode::Internal,
    }
}

/// An error that stands in an answer by its code alone, as for a single write.
pub(super) fn of_code(what: &str, code: i32) -> Error {
    let classified = classify_server_code(code);
    Error::new(classified, format!("{what} (code {code}): {}", headline(classified)))
}

/// Whether the same may succeed when it is tried again.
pub(super) fn is_transient_code(code: i32) -> bool {
    classify_server_code(code) == ErrorCode::ConnectionLost
}

fn headline(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthorized => "the server refused the credentials, or the user lacks a privilege",
        ErrorCode::Unavailable => "no suitable server could be reached",
        ErrorCode::ConnectionLost => "the connection was lost or the primary changed",
        ErrorCode::Timeout => "the server gave up at its deadline",
        ErrorCode::HistoryLost => "the server no longer reaches back to this position",
        ErrorCode::NotReplicaSet => "the server has no change streams because it is not in a replica set",
        ErrorCode::Closed => "the broker is disconnected",
        ErrorCode::InvalidConfig => "the driver refused the options",
        _ => "the server refused the command",
    }
}

/// The code of a server's answer, wherever the driver put it.
pub(super) fn server_code(error: &DriverError) -> Option<i32> {
    use mongodb::error::WriteFailure;
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(insert) => {
            let of_write =
                insert.write_errors.as_ref().and_then(|errors| errors.first()).map(|write| write.code);
            of_write.or_else(|| insert.write_concern_error.as_ref().map(|concern| concern.code))
        }
        _ => None,
    }
}

pub(super) fn is_namespace_exists(error: &DriverError) -> bool {
    server_code(error) == Some(NAMESPACE_EXISTS)
}

pub(super) fn is_namespace_not_found(error: &DriverError) -> bool {
    server_code(error) == Some(NAMESPACE_NOT_FOUND)
}

pub(super) fn is_index_conflict(error: &DriverError) -> bool {
    server_code(error).is_some_and(|code| INDEX_CONFLICTS.contains(&code))
}

pub(super) fn is_duplicate_key(error: &DriverError) -> bool {
    server_code(error).is_some_and(is_duplicate_key_code)
}

pub(super) fn is_duplicate_key_code(code: i32) -> bool {
    DUPLICATE_KEYS.contains(&code)
}

/// The connection string or an option in it was refused. The driver's text may quote the string, so only its kind
/// is passed on.
pub(super) fn uri_refused(error: &DriverError) -> Error {
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } if !message.contains('@') => {
            Error::invalid_config(format!("mongoUri is malformed: {message}"))
        }
        ErrorKind::DnsResolve { .. } => {
            Error::new(ErrorCode::Unavailable, "mongoUri: its host name could not be resolved")
        }
        _ => Error::invalid_config(
            "mongoUri is malformed: check the user name and password (percent-encode special characters), the \
             hosts and the options",
        ),
    }
}
