//! Copies that are kept of files that are replaced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Whether something has this name, be it a link to nowhere.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Copies a file to a name beside it that is free: its own and `.before-init-`, and the time. The name.
pub(crate) fn keep_copy(path: &Path, time: &str) -> io::Result<String> {
    let suffixes = std::iter::once(String::new()).chain((2..1_000).map(|number| format!("_{number}")));
    let copy = suffixes
        .map(|suffix| beside(path, &format!(".before-init-{time}{suffix}")))
        .find(|copy| !is_there(copy))
        .ok_or_else(|| io::Error::other("there are too many copies"))?;
    fs::copy(path, &copy)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot copy {}: {error}", path.display())))?;
    Ok(copy.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_do_not_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.ts");
        fs::write(&file, "mine").unwrap();
        assert_eq!(keep_copy(&file, "20261123_065552").unwrap(), "config.ts.before-init-20261123_065552");
        assert_eq!(keep_copy(&file, "20261123_065552").unwrap(), "config.ts.before-init-20261123_065552_2");
    }
}
