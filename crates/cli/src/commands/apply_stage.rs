//! `csbroker apply-stage`: staged files take the place of the user's.

mod selection;

use serde::Serialize;

use super::changes::{ChangeData, data};
use super::file_names::short;
use super::{CommandContext, Failure, backups_to_keep, exit_code};
use crate::args::ApplyStageArgs;
use crate::diff::file_differences::FileDifference;
use crate::generation::generate_client::{AppliedFile, apply_stage};
use crate::project::project_folder::Project;
use crate::terminal::Terminal;
pub(crate) use selection::without_new_files;
use selection::{Differing, Selection, select};

/// What was applied, as data.
#[derive(Debug, Serialize)]
pub(crate) struct AppliedData {
    files: Vec<AppliedFileData>,
    backup: Option<String>,
}

#[derive(Debug, Serialize)]
struct AppliedFileData {
    file: String,
    deleted: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplyDocument {
    ok: bool,
    dry_run: bool,
    /// From the stage to the user's, as `diff` has them.
    files: Vec<ChangeData>,
    applied: Option<AppliedData>,
}

pub(crate) fn run(args: &ApplyStageArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = context.project()?;
    let keep = backups_to_keep(&args.keep)?;
    let differing = Differing::of(&project)?;
    let named = args.files();
    let wanted = context.named_files(&project, &differing.paths(), &named)?;
    let terminal = &mut *context.terminal;
    let candidates = differing.changed(&wanted);
    if candidates.is_empty() {
        return Ok(nothing_to_do(args.dry_run, terminal));
    }
    if args.dry_run {
        return Ok(dry_run(&differing, &candidates, terminal));
    }
    let chosen = match select(&differing, candidates, !named.is_empty(), args.force, terminal)? {
        Selection::These(chosen) if !chosen.is_empty() => chosen,
        Selection::These(_) | Selection::Nothing => {
            terminal.note("nothing was applied");
            terminal.document(&ApplyDocument { ok: true, dry_run: false, files: vec![], applied: None });
            return Ok(exit_code::DONE);
        }
        Selection::Interrupted => return Ok(exit_code::INTERRUPTED),
    };
    let applied = apply(&project, &chosen, keep)?;
    tell_applied(&applied, terminal);
    terminal.document(&ApplyDocument {
        ok: true,
        dry_run: false,
        files: data(&chosen),
        applied: Some(applied),
    });
    Ok(exit_code::DONE)
}

fn dry_run(differing: &Differing, candidates: &[FileDifference], terminal: &mut Terminal) -> i32 {
    let look = terminal.look();
    for difference in candidates {
        terminal.data(&differing.diff(&difference.path, look));
    }
    terminal.note(&format!("{} file(s) would change; nothing was written", candidates.len()));
    terminal.document(&ApplyDocument { ok: true, dry_run: true, files: data(candidates), applied: None });
    exit_code::DONE
}

fn nothing_to_do(dry_run: bool, terminal: &mut Terminal) -> i32 {
    terminal.done("change-stream/ already matches the stage");
    terminal.document(&ApplyDocument { ok: true, dry_run, files: vec![], applied: None });
    exit_code::DONE
}

/// Applies those.
pub(crate) fn apply(
    project: &Project,
    differences: &[FileDifference],
    keep: usize,
) -> Result<AppliedData, Failure> {
    if differences.is_empty() {
        return Ok(AppliedData { files: vec![], backup: None });
    }
    let (files, backup) = apply_stage(project, differences, keep)?;
    let file = |applied: AppliedFile| AppliedFileData { file: applied.file, deleted: applied.is_deleted };
    Ok(AppliedData { files: files.into_iter().map(file).collect(), backup })
}

/// A line per file, and what comes next.
pub(crate) fn tell_applied(applied: &AppliedData, terminal: &mut Terminal) {
    if applied.files.is_empty() {
        terminal.done("change-stream/ already matches the stage");
        return;
    }
    let kept =
        applied.backup.as_ref().map(|backup| format!(" (yours is kept in {backup})")).unwrap_or_default();
    for AppliedFileData { file, deleted } in &applied.files {
        let verb = if *deleted { "deleted" } else { "applied" };
        terminal.done(&format!("{verb} {}{kept}", short(file)));
    }
    terminal.result("Next: npx csbroker generate");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::captured;

    #[test]
    fn says_where_the_users_version_is() {
        let applied = AppliedData {
            files: vec![AppliedFileData { file: "change-stream/config.ts".to_owned(), deleted: false }],
            backup: Some("backup_20261123_081610".to_owned()),
        };
        let (mut terminal, out, _) = captured::terminal(false);
        tell_applied(&applied, &mut terminal);
        assert_eq!(
            out.text(),
            "✔ applied config.ts (yours is kept in backup_20261123_081610)\nNext: npx csbroker generate\n"
        );
    }
}
