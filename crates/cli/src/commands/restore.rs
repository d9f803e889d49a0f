//! `csbroker restore`: client and stage as they were in a backup.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::apply_stage::{AppliedData, apply, tell_applied, without_new_files};
use super::backup_name::{find, none_yet};
use super::backups::backup_lines;
use super::changes::{self, ChangeData, changed, summary};
use super::client_report::{client_path, mode};
use super::placement_note::placement_note;
use super::{CommandContext, Failure, exit_code};
use crate::args::RestoreArgs;
use crate::diff::file_differences::FileDifference;
use crate::generation::generate_client::{GenerateOptions, Restored, restore_backup};
use crate::history::history_folder::{Backup, History};
use crate::project::project_folder::Project;
use crate::source::diagnostic::{Diagnostic, DiagnosticData};
use crate::terminal::Terminal;

#[derive(Debug, Serialize)]
struct RestoreDocument<'a> {
    ok: bool,
    restored: &'a str,
    changed: bool,
    backup: Option<&'a str>,
    client: String,
    mode: &'static str,
    /// How the user's files differ from the stage, before `--apply`.
    files: Vec<ChangeData>,
    applied: Option<AppliedData>,
    diagnostics: Vec<DiagnosticData>,
}

pub(crate) fn run(args: &RestoreArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = context.project()?;
    let options = context.generate_options(args.out.as_deref(), &args.keep)?;
    let backups = History::of(&project).backups()?;
    let backup = match &args.name {
        Some(name) => find(&backups, name)?,
        None => match choose(&backups, context.terminal)? {
            Some(backup) => backup,
            None => return Ok(exit_code::DONE),
        },
    };
    restore(&project, backup, args.apply, &options, context.terminal)
}

fn choose<'b>(backups: &'b [Backup], terminal: &mut Terminal) -> Result<Option<&'b Backup>, Failure> {
    if backups.is_empty() {
        return Err(none_yet());
    }
    let mut lines = backup_lines(backups, Timestamp::now(), &TimeZone::system());
    if !terminal.is_interactive() {
        return Err(
            Failure::needs_answer("restore needs a name: give one of these, or `latest`").advise(lines)
        );
    }
    let entries = lines.split_off(1);
    let index = terminal.choose(&entries, "Restore which one? [1, q quits] ")?;
    Ok(index.and_then(|index| backups.get(index)))
}

fn restore(
    project: &Project,
    backup: &Backup,
    takes_over: bool,
    options: &GenerateOptions,
    terminal: &mut Terminal,
) -> Result<i32, Failure> {
    let restored = restore_backup(project, &backup.name, options)
        .map_err(|error| Failure::of_generating(error, project))?;
    tell_restored(&backup.name, &restored, project, terminal);
    let differences: Vec<FileDifference> = changed(&restored.differences).into_iter().cloned().collect();
    let applied = if takes_over {
        let taken = without_new_files(differences.clone(), terminal);
        let applied = apply(project, &taken, options.keep)?;
        tell_applied(&applied, terminal);
        Some(applied)
    } else {
        tell_differences(&differences, terminal);
        None
    };
    terminal.document(&RestoreDocument {
        ok: true,
        restored: &backup.name,
        changed: restored.is_changed,
        backup: restored.backup.as_deref(),
        client: client_path(&restored.placement, project),
        mode: mode(&restored.placement),
        files: changes::data(&differences),
        applied,
        diagnostics: restored.warnings.iter().map(Diagnostic::data).collect(),
    });
    Ok(exit_code::DONE)
}

fn tell_restored(name: &str, restored: &Restored, project: &Project, terminal: &mut Terminal) {
    if restored.is_changed {
        terminal.done(&format!("restored {name}: client regenerated, its sources are staged"));
    } else {
        terminal.done(&format!("client and stage are those of {name} already"));
    }
    if let Some(backup) = &restored.backup {
        terminal.result(&format!("  the state before it is {backup}"));
    }
    for warning in &restored.warnings {
        terminal.frame(warning);
    }
    if restored.is_changed
        && let Some(note) = placement_note(&restored.placement, project)
    {
        terminal.warn(&note);
    }
}

fn tell_differences(differences: &[FileDifference], terminal: &mut Terminal) {
    if differences.is_empty() {
        terminal.result("  your files in change-stream/ match the stage");
        return;
    }
    let differences: Vec<&FileDifference> = differences.iter().collect();
    terminal.result(&format!(
        "  your files in change-stream/ are unchanged; they differ from the stage: {}",
        summary(&differences)
    ));
    terminal.result("Next: npx csbroker diff, then npx csbroker apply-stage");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::file_differences::FileStatus;
    use crate::project::installation::Placement;
    use crate::source::module_path::ModulePath;
    use crate::terminal::captured;

    #[test]
    fn says_what_was_done_and_what_is_left_to_do() {
        let (mut terminal, out, _) = captured::terminal(false);
        let restored = Restored {
            is_changed: true,
            backup: Some("backup_20261123_081500".to_owned()),
            placement: Placement::Beside { client: "/p/node_modules/.csbroker/client".into() },
            differences: vec![],
            warnings: vec![],
        };
        tell_restored("backup_20261123_065444", &restored, &Project { root: "/p".into() }, &mut terminal);
        let path = ModulePath::config();
        let difference = FileDifference { path, status: FileStatus::Modified, additions: 2, deletions: 2 };
        tell_differences(&[difference], &mut terminal);
        assert_eq!(
            out.text(),
            "\
✔ restored backup_20261123_065444: client regenerated, its sources are staged
  the state before it is backup_20261123_081500
  your files in change-stream/ are unchanged; they differ from the stage: config.ts +2 -2
Next: npx csbroker diff, then npx csbroker apply-stage
"
        );
    }

    #[test]
    fn without_a_terminal_a_name_is_needed() {
        let (mut terminal, _, _) = captured::terminal(false);
        let backup =
            Backup { name: "backup_1".to_owned(), replaced_at: Timestamp::UNIX_EPOCH, changed: vec![] };
        let failure = choose(&[backup], &mut terminal).unwrap_err();
        assert_eq!(failure.exit, 3);
        assert!(failure.advice[1].starts_with("backup_1 "));
        assert_eq!(choose(&[], &mut terminal).unwrap_err().exit, 1);
    }
}
