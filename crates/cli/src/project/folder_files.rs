//! All files of a folder at once.

use std::fs;
use std::io;
use std::path::Path;

use super::named_error::cannot;

/// What is in a folder and below it.
#[derive(Debug, Default)]
pub(crate) struct FolderListing {
    /// The paths of its files, with `/`, in order.
    pub(crate) files: Vec<String>,
    /// Whether there is something else than files and folders, or something whose name is no text.
    pub(crate) has_others: bool,
}

/// Lists a folder; links are not followed.
pub(crate) fn list(folder: &Path) -> io::Result<FolderListing> {
    let mut listing = FolderListing::default();
    add(folder, "", &mut listing)?;
    listing.files.sort();
    Ok(listing)
}

fn add(folder: &Path, prefix: &str, listing: &mut FolderListing) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(cannot("read", folder))? {
        let entry = entry.map_err(cannot("read", folder))?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        match name.to_str() {
            Some(name) if kind.is_dir() => add(&entry.path(), &format!("{prefix}{name}/"), listing)?,
            Some(name) if kind.is_file() => listing.files.push(format!("{prefix}{name}")),
            _ => listing.has_others = true,
        }
    }
    Ok(())
}

/// Whether a folder has these files, given in the order of their paths, and nothing else.
pub(crate) fn has_exactly<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> io::Result<bool> {
    if !fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(false);
    }
    let listing = list(folder)?;
    let mut there = listing.files.iter();
    for (path, bytes) in files {
        if there.next().map(String::as_str) != Some(path) || read(&folder.join(path))? != bytes {
            return Ok(false);
        }
    }
    Ok(there.next().is_none() && !listing.has_others)
}

/// Writes files into a folder, and makes the folders that they are in.
pub(crate) fn write<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> io::Result<()> {
    for (path, bytes) in files {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(cannot("make", parent))?;
        }
        fs::write(&file, bytes).map_err(cannot("write", &file))?;
    }
    Ok(())
}

/// The bytes of a file.
pub(crate) fn read(file: &Path) -> io::Result<Vec<u8>> {
    fs::read(file).map_err(cannot("read", file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_exactly_what_was_written() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("x");
        let files = [("a-b", &b"1"[..]), ("a/b", b"2"), ("a/c/d", b"3")];
        assert!(!has_exactly(&folder, files).unwrap());
        fs::create_dir(&folder).unwrap();
        write(&folder, files).unwrap();
        assert!(has_exactly(&folder, files).unwrap());
        assert!(!has_exactly(&folder, [files[0], files[1]]).unwrap());
        assert!(!has_exactly(&folder, [files[0], files[1], ("a/c/d", b"4")]).unwrap());
        assert!(!has_exactly(&folder, files.into_iter().chain([("e", &b""[..])])).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_file() {
        let top = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/null", top.path().join("a")).unwrap();
        assert!(!has_exactly(top.path(), []).unwrap());
        assert!(list(top.path()).unwrap().files.is_empty());
    }
}
