//! Which staged files are to be applied.

use crate::commands::Failure;
use crate::commands::changes::{changed, counts, listing};
use crate::commands::file_names::short_name;
use crate::commands::stage::staged_files;
use crate::diff::file_differences::{FileDifference, FileStatus, compare};
use crate::diff::unified_diff::{DiffStyle, unified_diff};
use crate::generation::generate_client::working_files;
use crate::project::project_folder::Project;
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;
use crate::terminal::Terminal;
use crate::terminal::file_picker::Picked;
use crate::terminal::file_picker_state::PickerFile;
use crate::terminal::look::Look;

/// Lines around a change.
const CONTEXT: usize = 3;

/// What there is to choose from.
pub(super) struct Differing {
    stage: SourceFiles,
    working: SourceFiles,
    /// From the stage to the user's.
    differences: Vec<FileDifference>,
}

/// What was chosen.
pub(super) enum Selection {
    These(Vec<FileDifference>),
    Nothing,
    Interrupted,
}

impl Differing {
    pub(super) fn of(project: &Project) -> Result<Self, Failure> {
        let (stage, working) = (staged_files(project)?, working_files(project)?);
        let differences = compare(&stage, &working);
        Ok(Self { stage, working, differences })
    }

    /// Every file.
    pub(super) fn paths(&self) -> Vec<ModulePath> {
        self.differences.iter().map(|difference| difference.path.clone()).collect()
    }

    /// Those of these files that differ.
    pub(super) fn changed(&self, paths: &[ModulePath]) -> Vec<FileDifference> {
        changed(&self.differences)
            .into_iter()
            .filter(|difference| paths.contains(&difference.path))
            .cloned()
            .collect()
    }

    /// The diff of a file, from the user's to the staged one.
    pub(super) fn diff(&self, path: &ModulePath, look: Look) -> String {
        let style = DiffStyle { context: CONTEXT, color: look.color };
        let (own, staged) = (path.to_string(), format!("stage/{}", path.as_str()));
        let text = |files: &SourceFiles| files.get(path).cloned();
        unified_diff((&own, text(&self.working).as_deref()), (&staged, text(&self.stage).as_deref()), style)
    }
}

/// What the user wants: the files that were named, all, or those that are picked.
pub(super) fn select(
    differing: &Differing,
    candidates: Vec<FileDifference>,
    is_named: bool,
    is_forced: bool,
    terminal: &mut Terminal,
) -> Result<Selection, Failure> {
    if is_named {
        return Ok(Selection::These(candidates));
    }
    if is_forced {
        return Ok(Selection::These(without_new_files(candidates, terminal)));
    }
    if !terminal.is_interactive() {
        return Err(Failure::needs_answer(
            "apply-stage needs a choice: name files or pass --force (--dry-run shows what would change)",
        ));
    }
    pick(differing, &candidates, terminal)
}

/// Without files that the stage does not have. Nothing imports them when the rest is as staged, and a user may need them
/// elsewhere: they go only when they are named.
pub(crate) fn without_new_files(
    candidates: Vec<FileDifference>,
    terminal: &mut Terminal,
) -> Vec<FileDifference> {
    let (new, staged): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|difference| difference.status == FileStatus::Added);
    if !new.is_empty() {
        let names: Vec<String> = new.iter().map(|difference| short_name(&difference.path)).collect();
        terminal.note(&format!("  kept {}: not staged; name it to delete it", listing(&names)));
    }
    staged
}

fn pick(
    differing: &Differing,
    candidates: &[FileDifference],
    terminal: &mut Terminal,
) -> Result<Selection, Failure> {
    terminal.data("Staged files that differ from yours:\n");
    let look = terminal.look();
    let files = candidates.iter().map(picker_file).collect();
    let diff = |index: usize| {
        candidates.get(index).map(|difference| differing.diff(&difference.path, look)).unwrap_or_default()
    };
    Ok(match terminal.pick_files(files, &diff)? {
        Picked::Files(chosen) => {
            Selection::These(chosen.into_iter().filter_map(|index| candidates.get(index).cloned()).collect())
        }
        Picked::Nothing => Selection::Nothing,
        Picked::Interrupted => Selection::Interrupted,
    })
}

/// With the counts that `diff` shows.
fn picker_file(difference: &FileDifference) -> PickerFile {
    let status = match difference.status {
        FileStatus::Added => "not staged: would be deleted",
        FileStatus::Deleted => "missing: would be written",
        FileStatus::Modified | FileStatus::Unchanged => "modified",
    };
    PickerFile {
        name: short_name(&difference.path),
        change: counts(difference.additions, difference.deletions),
        status: status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::captured;

    fn difference(path: &str, status: FileStatus) -> FileDifference {
        FileDifference { path: ModulePath::parse(path).unwrap(), status, additions: 1, deletions: 0 }
    }

    #[test]
    fn files_that_are_not_staged_stay_unless_they_are_named() {
        let candidates = vec![
            difference("config.ts", FileStatus::Modified),
            difference("_up/src/days.ts", FileStatus::Added),
            difference("gone.ts", FileStatus::Deleted),
        ];
        let (mut terminal, _, err) = captured::terminal(false);
        let staged = without_new_files(candidates, &mut terminal);
        assert_eq!(staged.len(), 2);
        assert_eq!(err.text(), "  kept ../src/days.ts: not staged; name it to delete it\n");
    }
}
