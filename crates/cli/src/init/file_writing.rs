//! Writes files so that there is always a whole one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Whether something has this name, be it a link to nowhere.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Writes a file, and the folders that it needs. An old one keeps its permissions, a link stays one.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let failed =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let new = beside(&target, ".csbroker-new");
    let written = fs::write(&new, text).and_then(|()| take_place(&new, &target));
    if written.is_err() {
        // The reason counts, not that its traces stay.
        let _ = fs::remove_file(&new);
    }
    written.map_err(failed)
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

fn take_place(new: &Path, target: &Path) -> io::Result<()> {
    if let Ok(old) = fs::metadata(target) {
        fs::set_permissions(new, old.permissions())?;
    }
    fs::rename(new, target)
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
    fn folders_are_made_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/c.ts");
        for text in ["one", "two"] {
            write_whole(&file, text).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        assert!(write_whole(&file.join("d"), "").unwrap_err().to_string().starts_with("cannot write "));
    }

    #[test]
    fn copies_do_not_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.ts");
        fs::write(&file, "mine").unwrap();
        assert_eq!(keep_copy(&file, "20261123_065552").unwrap(), "config.ts.before-init-20261123_065552");
        assert_eq!(keep_copy(&file, "20261123_065552").unwrap(), "config.ts.before-init-20261123_065552_2");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("package.json"), folder.path().join("link"));
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_whole(&link, "{ }").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "{ }");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
