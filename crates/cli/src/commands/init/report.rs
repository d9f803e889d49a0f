//! What has become of each file.

use serde::Serialize;

use crate::terminal::table::table;

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Created,
    Updated,
    /// It is as it was.
    Kept,
    /// It is broken, and as it was.
    Skipped,
    /// The user has to see to it.
    Todo,
}

/// A file, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FileReport {
    pub(super) action: Action,
    /// From the project's root.
    pub(super) file: String,
    pub(super) note: String,
}

#[derive(Debug, Serialize)]
pub(super) struct InitDocument {
    pub(super) ok: bool,
    pub(super) root: String,
    pub(super) files: Vec<FileReport>,
    pub(super) warnings: Vec<String>,
}

/// A line for each file.
pub(super) fn file_lines(files: &[FileReport]) -> Vec<String> {
    let row = |report: &FileReport| {
        let action = match report.action {
            Action::Created => "created",
            Action::Updated => "updated",
            Action::Kept => "kept",
            Action::Skipped => "skipped",
            Action::Todo => "to do",
        };
        vec![format!("  {action:<7}  {}", report.file), report.note.clone()]
    };
    table(&files.iter().map(row).collect::<Vec<_>>(), 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_notes_stand_in_columns() {
        let report = |action, file: &str, note: &str| FileReport {
            action,
            file: file.to_owned(),
            note: note.to_owned(),
        };
        let files = [
            report(Action::Kept, "change-stream/config.ts", "(exists)"),
            report(Action::Created, "change-stream/csbroker-env.d.ts", ""),
        ];
        assert_eq!(
            file_lines(&files),
            [
                "  kept     change-stream/config.ts           (exists)",
                "  created  change-stream/csbroker-env.d.ts",
            ]
        );
    }
}
