//! `csbroker diff`: how the user's files differ from the stage.

use serde::Serialize;

use super::changes::{self, ChangeData, changed, counts, listing, status_word};
use super::file_names::short_name;
use super::stage::staged_files;
use super::{CommandContext, Failure, exit_code};
use crate::args::DiffArgs;
use crate::diff::file_differences::{FileDifference, compare};
use crate::diff::unified_diff::{DiffStyle, unified_diff};
use crate::generation::generate_client::working_files;
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;
use crate::terminal::Terminal;
use crate::terminal::table::table;

#[derive(Debug, Serialize)]
struct DiffDocument {
    ok: bool,
    changed: usize,
    files: Vec<ChangeData>,
}

pub(crate) fn run(args: &DiffArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = context.project()?;
    let (stage, working) = (staged_files(&project)?, working_files(&project)?);
    let all = compare(&stage, &working);
    let paths: Vec<ModulePath> = all.iter().map(|difference| difference.path.clone()).collect();
    let wanted = context.named_files(&project, &paths, &args.files)?;
    let differences: Vec<FileDifference> =
        all.into_iter().filter(|difference| wanted.contains(&difference.path)).collect();
    let terminal = &mut *context.terminal;
    let style = DiffStyle { context: args.unified as usize, color: terminal.look().color };
    let text = if args.stat { stat(&differences) } else { diff_text(&differences, &stage, &working, style) };
    terminal.data(&text);
    tell_total(&differences, terminal);
    let changed = changed(&differences).len();
    terminal.document(&DiffDocument { ok: true, changed, files: changes::data(&differences) });
    Ok(if args.exit_code && changed > 0 { exit_code::PROBLEM } else { exit_code::DONE })
}

/// The diffs of all files, from the stage to the user's.
fn diff_text(
    differences: &[FileDifference],
    stage: &SourceFiles,
    working: &SourceFiles,
    style: DiffStyle,
) -> String {
    let one = |difference: &FileDifference| {
        let path = &difference.path;
        let (staged, own) = (format!("stage/{}", path.as_str()), path.to_string());
        let text = |files: &SourceFiles| files.get(path).cloned();
        unified_diff((&staged, text(stage).as_deref()), (&own, text(working).as_deref()), style)
    };
    differences.iter().map(one).collect()
}

/// Which files differ, and by how much.
fn stat(differences: &[FileDifference]) -> String {
    let row = |difference: &&FileDifference| {
        let counts = counts(difference.additions, difference.deletions);
        vec![format!("  {}", short_name(&difference.path)), counts, status_word(difference.status).to_owned()]
    };
    let rows: Vec<_> = changed(differences).iter().map(row).collect();
    table(&rows, 3).into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Messages, so that what is piped stays a patch.
fn tell_total(differences: &[FileDifference], terminal: &mut Terminal) {
    let changed = changed(differences);
    if changed.is_empty() {
        let names: Vec<String> = differences.iter().map(|difference| short_name(&difference.path)).collect();
        let verb = if names.len() == 1 { "matches" } else { "match" };
        terminal.note(&format!("No differences: {} {verb} the stage.", listing(&names)));
        return;
    }
    let total =
        |count: fn(&FileDifference) -> usize| changed.iter().map(|difference| count(difference)).sum();
    let counts = counts(total(|difference| difference.additions), total(|difference| difference.deletions));
    let counts = if counts.is_empty() { counts } else { format!(" ({counts})") };
    terminal.note(&format!(
        "{} file(s) differ from the stage{counts}. `csbroker generate` stages yours, `csbroker apply-stage` takes the staged ones.",
        changed.len()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::file_differences::FileStatus;
    use crate::terminal::captured;

    fn difference(
        path: ModulePath,
        status: FileStatus,
        (additions, deletions): (usize, usize),
    ) -> FileDifference {
        FileDifference { path, status, additions, deletions }
    }

    #[test]
    fn the_total_is_told() {
        let differences = [
            difference(ModulePath::config(), FileStatus::Modified, (2, 2)),
            difference(ModulePath::schema(), FileStatus::Unchanged, (0, 0)),
        ];
        let (mut terminal, out, err) = captured::terminal(false);
        tell_total(&differences, &mut terminal);
        assert_eq!(out.text(), "");
        assert_eq!(
            err.text(),
            "1 file(s) differ from the stage (+2 -2). `csbroker generate` stages yours, `csbroker apply-stage` takes the staged ones.\n"
        );
        assert_eq!(stat(&differences), "  config.ts   +2 -2   modified\n");
    }

    #[test]
    fn no_differences_are_told_with_the_names() {
        let differences = [
            difference(ModulePath::config(), FileStatus::Unchanged, (0, 0)),
            difference(ModulePath::schema(), FileStatus::Unchanged, (0, 0)),
        ];
        let (mut terminal, _, err) = captured::terminal(false);
        tell_total(&differences, &mut terminal);
        assert_eq!(err.text(), "No differences: config.ts and message-payload.schema.ts match the stage.\n");
    }
}
