//! Edits of the project's own files: asked for on a terminal, done with `-y`, otherwise printed.

use std::fs;
use std::io;
use std::path::Path;

use super::report::{Action, FileReport};
use crate::init::file_edit::FileEdit;
use crate::init::gitignore::ignore_state_folder;
use crate::init::kept_copy::is_there;
use crate::init::package_scripts::add_scripts;
use crate::init::tsconfig_exclude::exclude_change_stream;
use crate::project::user_file;
use crate::terminal::Terminal;

const TSCONFIG: &str = "tsconfig.build.json";
const PACKAGE_JSON: &str = "package.json";
const GITIGNORE: &str = ".gitignore";

/// Proposes every edit that is needed, and makes those that are wanted.
pub(super) fn edit_project(
    root: &Path,
    is_yes: bool,
    terminal: &mut Terminal,
) -> io::Result<Vec<FileReport>> {
    let mut reports = Vec::new();
    for (file, edit) in needed_edits(root) {
        reports.extend(carry_out(root, file, edit, is_yes, terminal)?);
    }
    Ok(reports)
}

fn needed_edits(root: &Path) -> Vec<(&'static str, FileEdit)> {
    let edit =
        |file: &'static str, decide: &dyn Fn(&str) -> FileEdit| match fs::read_to_string(root.join(file)) {
            Ok(text) => decide(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => FileEdit::NotNeeded,
            Err(error) => FileEdit::Broken(format!("cannot be read: {error}")),
        };
    let read = |path: &Path| fs::read_to_string(path).ok();
    let tsconfig = edit(TSCONFIG, &|text| exclude_change_stream(&root.join(TSCONFIG), text, &read));
    let package = edit(PACKAGE_JSON, &add_scripts);
    let has_gitignore = is_there(&root.join(GITIGNORE));
    let gitignore = match has_gitignore {
        true => edit(GITIGNORE, &|text| ignore_state_folder(Some(text))),
        false if is_there(&root.join(".git")) => ignore_state_folder(None),
        false => FileEdit::NotNeeded,
    };
    vec![(TSCONFIG, tsconfig), (PACKAGE_JSON, package), (GITIGNORE, gitignore)]
}

fn carry_out(
    root: &Path,
    file: &str,
    edit: FileEdit,
    is_yes: bool,
    terminal: &mut Terminal,
) -> io::Result<Option<FileReport>> {
    let report = |action, note| Some(FileReport { action, file: file.to_owned(), note });
    Ok(match edit {
        FileEdit::NotNeeded => None,
        FileEdit::Broken(reason) => report(Action::Skipped, format!("it {reason}")),
        FileEdit::Advised(what) => report(Action::Todo, what),
        FileEdit::Proposed { text, question, done } => {
            let is_asked = !is_yes && terminal.is_interactive();
            if is_yes || (is_asked && terminal.confirm(&format!("{file}: {question}?"))?) {
                // One file that cannot be written is no reason to leave the others.
                match user_file::write(&root.join(file), &text) {
                    Ok(()) => report(Action::Updated, done),
                    Err(error) => report(Action::Skipped, error.to_string()),
                }
            } else {
                report(Action::Todo, question)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::captured;

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(PACKAGE_JSON), "{\n  \"name\": \"a\"\n}\n").unwrap();
        fs::write(root.path().join(TSCONFIG), "{\"exclude\": [\"dist\"]}").unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        root
    }

    fn actions(root: &Path, is_yes: bool) -> Vec<(Action, String)> {
        let (mut terminal, _, _) = captured::terminal(false);
        let reports = edit_project(root, is_yes, &mut terminal).unwrap();
        reports.into_iter().map(|report| (report.action, report.file)).collect()
    }

    #[test]
    fn without_anybody_to_ask_edits_are_advice() {
        let root = project();
        let todo = |file: &str| (Action::Todo, file.to_owned());
        assert_eq!(actions(root.path(), false), [todo(TSCONFIG), todo(PACKAGE_JSON), todo(GITIGNORE)]);
        assert!(!root.path().join(GITIGNORE).exists());
    }

    #[test]
    fn with_yes_they_are_made_once() {
        let root = project();
        assert!(actions(root.path(), true).iter().all(|(action, _)| *action == Action::Updated));
        assert_eq!(actions(root.path(), true), []);
    }

    #[test]
    fn a_broken_file_does_not_stop_the_others() {
        let root = project();
        fs::write(root.path().join(PACKAGE_JSON), "{ broken").unwrap();
        fs::write(root.path().join(TSCONFIG), [0xff, 0xfe]).unwrap();
        let actions = actions(root.path(), true);
        assert_eq!(
            actions.iter().map(|(action, _)| *action).collect::<Vec<_>>(),
            [Action::Skipped, Action::Skipped, Action::Updated]
        );
        assert_eq!(fs::read_to_string(root.path().join(PACKAGE_JSON)).unwrap(), "{ broken");
    }
}
