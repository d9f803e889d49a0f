//! Folders that are replaced as a whole: a run that is killed at any point leaves the old one or the new one.
//!
//! Beside a folder `x` there may be, for a while, `.x.csbroker-new`, which is being written, `.x.csbroker-next`,
//! which is complete and takes the place of `x` whatever happens, and `.x.csbroker-old`, which is being deleted.
//! Whoever calls holds the history's lock, so what is found of these was left by a run that was killed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::named_error::cannot;

const NEW: &str = ".csbroker-new";
const NEXT: &str = ".csbroker-next";
const OLD: &str = ".csbroker-old";

/// Puts what `fill` writes in the place of a folder, or of a link to one. Makes its parents.
pub(crate) fn replace(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    finish_killed_runs(folder)?;
    let new = beside(folder, NEW)?;
    fs::create_dir_all(&new).map_err(cannot("make", &new))?;
    if let Err(error) = fill(&new) {
        // The reason counts, not that its traces stay until the next run.
        let _ = remove(&new);
        return Err(error);
    }
    if !is_there(folder) {
        return rename(&new, folder);
    }
    match exchange(&new, folder) {
        Ok(()) => remove(&new),
        // Not every file system can.
        Err(_) => replace_in_steps(&new, folder),
    }
}

/// Removes a folder: there is all of it, or nothing.
pub(crate) fn delete(folder: &Path) -> io::Result<()> {
    let old = beside(folder, OLD)?;
    remove(&old)?;
    move_away(folder, &old)?;
    remove(&old)
}

/// Completes what a killed run has begun, or clears it away.
pub(crate) fn finish_killed_runs(folder: &Path) -> io::Result<()> {
    let next = beside(folder, NEXT)?;
    if is_there(&next) {
        remove(folder)?;
        rename(&next, folder)?;
    }
    remove(&beside(folder, NEW)?)?;
    remove(&beside(folder, OLD)?)
}

/// Whether a folder of this name is beside another one, for a while.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && [NEW, NEXT, OLD].iter().any(|suffix| name.ends_with(suffix))
}

/// Where a file or folder is written before it takes its place.
pub(crate) fn temporary(path: &Path) -> io::Result<PathBuf> {
    beside(path, NEW)
}

/// Deletes whatever is there, of a link only the link; nothing there is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        // Windows has links that count as folders.
        Ok(metadata) if metadata.is_symlink() => fs::remove_file(path).or_else(|_| fs::remove_dir(path)),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("delete", path)(error)),
        _ => Ok(()),
    }
}

fn beside(folder: &Path, suffix: &str) -> io::Result<PathBuf> {
    let name = folder.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no name of a folder", folder.display()))
    })?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(suffix);
    Ok(folder.with_file_name(temporary))
}

fn replace_in_steps(new: &Path, folder: &Path) -> io::Result<()> {
    let (next, old) = (beside(folder, NEXT)?, beside(folder, OLD)?);
    rename(new, &next)?;
    if let Err(error) = move_away(folder, &old) {
        // Else the next run would complete what this one reports as failed.
        remove(&next)?;
        return Err(error);
    }
    rename(&next, folder)?;
    remove(&old)
}

/// Where it cannot be moved it is deleted: in a container, a folder that comes with the image.
fn move_away(folder: &Path, old: &Path) -> io::Result<()> {
    match fs::rename(folder, old) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => remove(folder),
        Err(error) => Err(cannot("replace", folder)(error)),
        Ok(()) => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).map_err(cannot("write", to))
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("a"), text).unwrap();
    }

    fn text(folder: &Path) -> String {
        fs::read_to_string(folder.join("a")).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_made_and_replaced_and_nothing_is_left_beside_it() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("some/where/x");
        for round in ["1", "2"] {
            replace(&folder, |new| fs::write(new.join("a"), round)).unwrap();
            assert_eq!(text(&folder), round);
            fs::write(folder.join("more"), "").unwrap();
        }
        replace(&folder, |new| fs::write(new.join("a"), "3")).unwrap();
        assert_eq!(names(&folder), ["a"]);
        assert_eq!(names(&top.path().join("some/where")), ["x"]);
        assert!(replace(Path::new(".."), |_| Ok(())).is_err());
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("x");
        put(&folder, "old");
        let full = |new: &Path| {
            fs::write(new.join("a"), "half")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        assert_eq!(replace(&folder, full).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((text(&folder).as_str(), names(top.path())), ("old", vec!["x".to_owned()]));
    }

    #[test]
    fn where_folders_cannot_be_exchanged_it_goes_in_steps() {
        let top = tempfile::tempdir().unwrap();
        let (folder, new) = (top.path().join("x"), top.path().join(".x.csbroker-new"));
        put(&folder, "old");
        put(&new, "new");
        replace_in_steps(&new, &folder).unwrap();
        assert_eq!((text(&folder).as_str(), names(top.path())), ("new", vec!["x".to_owned()]));
    }

    #[test]
    fn a_killed_run_leaves_the_old_or_the_new() {
        for (left, expected) in [
            (&[("x", "old"), (".x.csbroker-new", "half")][..], "old"),
            (&[("x", "old"), (".x.csbroker-next", "new")], "new"),
            (&[(".x.csbroker-old", "old"), (".x.csbroker-next", "new")], "new"),
            (&[(".x.csbroker-old", "old"), ("x", "new")], "new"),
        ] {
            let top = tempfile::tempdir().unwrap();
            for (name, text) in left {
                put(&top.path().join(name), text);
            }
            put(&top.path().join(".y.csbroker-new"), "of another folder");
            finish_killed_runs(&top.path().join("x")).unwrap();
            assert_eq!(text(&top.path().join("x")), expected, "{left:?}");
            assert_eq!(names(top.path()), [".y.csbroker-new", "x"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let top = tempfile::tempdir().unwrap();
        let (folder, far) = (top.path().join("x"), top.path().join("far"));
        put(&far, "far");
        std::os::unix::fs::symlink(&far, &folder).unwrap();
        replace(&folder, |new| fs::write(new.join("a"), "near")).unwrap();
        assert_eq!((text(&folder), text(&far)), ("near".to_owned(), "far".to_owned()));
        assert!(!fs::symlink_metadata(&folder).unwrap().is_symlink());
    }

    #[test]
    fn a_folder_is_deleted() {
        let top = tempfile::tempdir().unwrap();
        put(&top.path().join("x"), "old");
        delete(&top.path().join("x")).unwrap();
        assert!(names(top.path()).is_empty());
    }

    #[test]
    fn temporary_names_are_known() {
        assert!(is_temporary(".backup_1.csbroker-new"));
        assert!(!is_temporary("backup.csbroker-new") && !is_temporary(".DS_Store"));
    }
}
