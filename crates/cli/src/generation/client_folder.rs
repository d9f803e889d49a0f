//! The folder of a generated client: whole, or as it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compile::ClientFiles;
use crate::project::folder_files;
use crate::project::named_error::cannot;
use crate::project::whole_folder;

/// Every client has files of this name, which the package's own files import.
const MARK: &str = "created-by-csbroker-generate.";

/// Whether the folder has exactly these files.
pub fn is_current(client: &Path, files: &ClientFiles) -> io::Result<bool> {
    folder_files::has_exactly(&real(client), bytes_of(files))
}

/// Replaces the folder as a whole. Whoever reads it meanwhile sees the old files or the new ones.
pub fn replace(client: &Path, files: &ClientFiles) -> io::Result<()> {
    whole_folder::replace(&real(client), |folder| folder_files::write(folder, bytes_of(files)))
}

/// Clears away what a killed run left beside the folder.
pub(super) fn finish_killed_runs(client: &Path) -> io::Result<()> {
    whole_folder::finish_killed_runs(&real(client))
}

/// Refuses a folder that has files, but no client: it is the user's, and replacing it would delete them.
pub(super) fn refuse_foreign(client: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(client) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(cannot("read", client))?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    if names.is_empty() || names.iter().any(|name| name.to_string_lossy().starts_with(MARK)) {
        return Ok(());
    }
    let message = format!(
        "{} has files that csbroker did not write, and would be replaced as a whole; choose a folder of its own for \
         the client",
        client.display()
    );
    Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
}

/// A link to a folder stays; the folder is replaced.
fn real(client: &Path) -> PathBuf {
    fs::canonicalize(client).unwrap_or_else(|_| client.to_path_buf())
}

fn bytes_of(files: &ClientFiles) -> impl Iterator<Item = (&str, &[u8])> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> ClientFiles {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_client_is_replaced_with_all_its_files() {
        let top = tempfile::tempdir().unwrap();
        let client = top.path().join("node_modules/.csbroker/client");
        let one = files(&[("created-by-csbroker-generate.js", "1"), ("_up/src/days.js", "1")]);
        let two = files(&[("created-by-csbroker-generate.js", "2")]);
        assert!(!is_current(&client, &one).unwrap());
        for files in [&one, &two] {
            replace(&client, files).unwrap();
            assert!(is_current(&client, files).unwrap());
        }
        assert!(!is_current(&client, &one).unwrap());
        fs::write(client.join("stray.js"), "").unwrap();
        assert!(!is_current(&client, &two).unwrap());
        assert_eq!(fs::read_dir(client.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_of_the_users_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("src");
        refuse_foreign(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        refuse_foreign(&folder).unwrap();
        fs::write(folder.join("main.ts"), "").unwrap();
        assert_eq!(refuse_foreign(&folder).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::write(folder.join("created-by-csbroker-generate.js"), "").unwrap();
        refuse_foreign(&folder).unwrap();
        refuse_foreign(&folder.join("main.ts")).unwrap_err();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_folder_stays() {
        let top = tempfile::tempdir().unwrap();
        let (client, far) = (top.path().join("client"), top.path().join("far"));
        fs::create_dir(&far).unwrap();
        std::os::unix::fs::symlink(&far, &client).unwrap();
        let files = files(&[("created-by-csbroker-generate.js", "1")]);
        replace(&client, &files).unwrap();
        assert!(fs::symlink_metadata(&client).unwrap().is_symlink());
        assert!(is_current(&far, &files).unwrap());
    }
}
