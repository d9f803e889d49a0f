//! Errors of the disk that say which file they are about.

use std::io;
use std::path::Path;

/// `cannot write /app/.csbroker/lock: Permission denied (os error 13)`, from what the system says.
pub(crate) fn cannot(action: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let beginning = format!("cannot {action} {}", path.display());
    move |error| io::Error::new(error.kind(), format!("{beginning}: {error}"))
}
