//! How files differ, in a few words.

use serde::Serialize;

use super::file_names::short_name;
use crate::diff::file_differences::{FileDifference, FileStatus};

/// A [`FileDifference`] as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeData {
    file: String,
    status: FileStatus,
    additions: usize,
    deletions: usize,
}

/// Those that differ.
pub(crate) fn changed(differences: &[FileDifference]) -> Vec<&FileDifference> {
    differences.iter().filter(|difference| difference.status != FileStatus::Unchanged).collect()
}

/// For programs: the files from the project's root.
pub(crate) fn data<'d>(differences: impl IntoIterator<Item = &'d FileDifference>) -> Vec<ChangeData> {
    let data = |difference: &FileDifference| ChangeData {
        file: difference.path.to_string(),
        status: difference.status,
        additions: difference.additions,
        deletions: difference.deletions,
    };
    differences.into_iter().map(data).collect()
}

/// `+2 -2`, without what is zero.
pub(crate) fn counts(additions: usize, deletions: usize) -> String {
    match (additions, deletions) {
        (0, 0) => String::new(),
        (_, 0) => format!("+{additions}"),
        (0, _) => format!("-{deletions}"),
        _ => format!("+{additions} -{deletions}"),
    }
}

/// `config.ts +2 -2`.
pub(crate) fn file_counts(file: &str, additions: usize, deletions: usize) -> String {
    format!("{file} {}", counts(additions, deletions)).trim_end().to_owned()
}

/// `config.ts +2 -2, names.ts -1`.
pub(crate) fn summary(differences: &[&FileDifference]) -> String {
    let one = |difference: &&FileDifference| {
        file_counts(&short_name(&difference.path), difference.additions, difference.deletions)
    };
    differences.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listing(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}

/// `modified`.
pub(crate) fn status_word(status: FileStatus) -> &'static str {
    match status {
        FileStatus::Added => "added",
        FileStatus::Deleted => "deleted",
        FileStatus::Modified => "modified",
        FileStatus::Unchanged => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::module_path::ModulePath;

    #[test]
    fn zeros_are_not_worth_a_word() {
        assert_eq!(counts(2, 2), "+2 -2");
        assert_eq!(counts(4, 0), "+4");
        assert_eq!(counts(0, 4), "-4");
        assert_eq!(file_counts("config.ts", 0, 0), "config.ts");
    }

    #[test]
    fn names_are_listed() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(listing(&names), "a, b and c");
        assert_eq!(listing(&names[..1]), "a");
    }

    #[test]
    fn unchanged_files_are_not_mentioned() {
        let difference =
            |path: ModulePath, status, additions| FileDifference { path, status, additions, deletions: 0 };
        let differences = [
            difference(ModulePath::config(), FileStatus::Modified, 1),
            difference(ModulePath::schema(), FileStatus::Unchanged, 0),
        ];
        assert_eq!(summary(&changed(&differences)), "config.ts +1");
    }
}
