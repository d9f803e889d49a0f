//! Changes one of the user's files: it is the old one or the new one, never half of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::named_error::cannot;
use super::whole_folder;

/// Writes a file, and the folders that it needs. A link to it stays one, and so do its permissions.
pub(crate) fn write(file: &Path, text: &str) -> io::Result<()> {
    let file = real(file);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(cannot("make", folder))?;
    }
    let temporary = whole_folder::temporary(&file)?;
    let written = write_first(&temporary, &file, text).and_then(|()| fs::rename(&temporary, &file));
    if written.is_err() {
        // The reason counts, not that its traces stay until the next run.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(cannot("write", &file))
}

/// Clears away what a killed run left beside a file.
pub(crate) fn finish_killed_runs(file: &Path) -> io::Result<()> {
    whole_folder::remove(&whole_folder::temporary(&real(file))?)
}

fn write_first(temporary: &Path, file: &Path, text: &str) -> io::Result<()> {
    fs::write(temporary, text)?;
    match fs::metadata(file) {
        Ok(metadata) => fs::set_permissions(temporary, metadata.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_and_permissions_stay() {
        let top = tempfile::tempdir().unwrap();
        let (link, file) = (top.path().join("config.ts"), top.path().join("far/config.ts"));
        write(&file, "1").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        fs::write(top.path().join("far/.config.ts.csbroker-new"), "left by a killed run").unwrap();
        finish_killed_runs(&link).unwrap();
        assert_eq!(fs::read_dir(top.path().join("far")).unwrap().count(), 1);
        write(&link, "2").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "2");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(top.path().join("far")).unwrap().count(), 1);
    }
}
