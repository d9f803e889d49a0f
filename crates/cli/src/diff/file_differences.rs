//! Which files differ, and by how much.

use std::collections::BTreeSet;

use serde::Serialize;
use similar::DiffOp;

use super::text_lines::{diff, with_plain_endings};
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// In the new files only.
    Added,
    /// In the old files only.
    Deleted,
    /// In both, with different lines. Line endings do not count.
    Modified,
    /// In both, the same.
    Unchanged,
}

/// One file of two sets of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// Which.
    pub path: ModulePath,
    /// What has become of it.
    pub status: FileStatus,
    /// Lines that are new.
    pub additions: usize,
    /// Lines that are gone.
    pub deletions: usize,
}

/// Compares every file of both, in the order of their paths.
pub fn compare(old: &SourceFiles, new: &SourceFiles) -> Vec<FileDifference> {
    let paths: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    paths.into_iter().map(|path| difference(path, old.get(path), new.get(path))).collect()
}

fn difference(path: &ModulePath, old: Option<&String>, new: Option<&String>) -> FileDifference {
    let text =
        |text: Option<&String>| text.map_or(String::new(), |text| with_plain_endings(text).into_owned());
    let (additions, deletions) = changed_lines(&text(old), &text(new));
    let status = match (old, new) {
        (None, Some(_)) => FileStatus::Added,
        (Some(_), None) => FileStatus::Deleted,
        _ if additions + deletions > 0 => FileStatus::Modified,
        _ => FileStatus::Unchanged,
    };
    FileDifference { path: path.clone(), status, additions, deletions }
}

fn changed_lines(old: &str, new: &str) -> (usize, usize) {
    diff(old, new).ops().iter().fold((0, 0), |(additions, deletions), change| match *change {
        DiffOp::Equal { .. } => (additions, deletions),
        DiffOp::Delete { old_len, .. } => (additions, deletions + old_len),
        DiffOp::Insert { new_len, .. } => (additions + new_len, deletions),
        DiffOp::Replace { old_len, new_len, .. } => (additions + new_len, deletions + old_len),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> SourceFiles {
        files.iter().map(|(path, text)| (ModulePath::parse(path).unwrap(), (*text).to_owned())).collect()
    }

    fn compared(old: &str, new: &str) -> (FileStatus, usize, usize) {
        let difference = compare(&files(&[("a.ts", old)]), &files(&[("a.ts", new)])).remove(0);
        (difference.status, difference.additions, difference.deletions)
    }

    #[test]
    fn files_come_go_change_and_stay() {
        let old = files(&[("b.ts", "1\n2\n"), ("c.ts", "1\n2\n3\n"), ("d.ts", "1")]);
        let new = files(&[("a.ts", "1\n2\n3"), ("c.ts", "1\n4\n5\n3\n"), ("d.ts", "1")]);
        let differences: Vec<_> = compare(&old, &new)
            .into_iter()
            .map(|difference| {
                let path = difference.path.as_str().to_owned();
                (path, difference.status, difference.additions, difference.deletions)
            })
            .collect();
        assert_eq!(
            differences,
            [
                ("a.ts".to_owned(), FileStatus::Added, 3, 0),
                ("b.ts".to_owned(), FileStatus::Deleted, 0, 2),
                ("c.ts".to_owned(), FileStatus::Modified, 2, 1),
                ("d.ts".to_owned(), FileStatus::Unchanged, 0, 0),
            ]
        );
    }

    #[test]
    fn line_endings_do_not_count_but_a_missing_one_does() {
        assert_eq!(compared("1\r\n2\r\n", "1\n2\n"), (FileStatus::Unchanged, 0, 0));
        assert_eq!(compared("1\r\n2\n3\r\n", "1\n2\n4\n"), (FileStatus::Modified, 1, 1));
        assert_eq!(compared("1\n2\n", "1\n2"), (FileStatus::Modified, 1, 1));
        assert_eq!(compared("", ""), (FileStatus::Unchanged, 0, 0));
    }

    #[test]
    fn an_empty_file_comes_too() {
        assert_eq!(compare(&files(&[]), &files(&[("a.ts", "")]))[0].status, FileStatus::Added);
    }
}
