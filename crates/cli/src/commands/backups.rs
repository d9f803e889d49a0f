//! `csbroker backups`: the states that were replaced.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::changes::file_counts;
use super::file_names::short;
use super::{CommandContext, Failure, backups_to_keep, exit_code};
use crate::args::KeepArgs;
use crate::history::history_folder::{Backup, BackupChange, History};
use crate::terminal::look::Look;
use crate::terminal::table::table;

#[derive(Debug, Serialize)]
struct BackupsDocument<'a> {
    ok: bool,
    kept: usize,
    backups: &'a [Backup],
}

pub(crate) fn run(context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = context.project()?;
    let keep = backups_to_keep(&KeepArgs::default())?;
    let backups = History::of(&project).backups()?;
    let terminal = &mut *context.terminal;
    terminal.document(&BackupsDocument { ok: true, kept: keep, backups: &backups });
    if backups.is_empty() {
        terminal.note(
            "No backups yet: each `npx csbroker generate` that changes something keeps the state before it.",
        );
        return Ok(exit_code::DONE);
    }
    let look = terminal.look();
    let lines = backup_lines(&backups, Timestamp::now(), &TimeZone::system());
    terminal.data(&format!("{}\n", heading_and_lines(&lines, look).join("\n")));
    let count = backups.len();
    terminal.note(&format!(
        "{count} of at most {keep} kept in .csbroker/backups. Restore one: npx csbroker restore <name>"
    ));
    Ok(exit_code::DONE)
}

/// A line for each backup: name, when, what changed then. The first line is the heading.
pub(crate) fn backup_lines(backups: &[Backup], now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let heading = ["BACKUP", "WHEN", "CHANGED THEN"].map(str::to_owned).to_vec();
    let row = |backup: &Backup| {
        vec![backup.name.clone(), when(backup.replaced_at, now, zone), changed_then(backup)]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(backups.iter().map(row)).collect();
    table(&rows, 3)
}

fn heading_and_lines(lines: &[String], look: Look) -> Vec<String> {
    let line = |(index, line): (usize, &String)| {
        if index == 0 { look.strong(line).to_string() } else { line.clone() }
    };
    lines.iter().enumerate().map(line).collect()
}

fn changed_then(backup: &Backup) -> String {
    let one = |change: &BackupChange| file_counts(&short(&change.file), change.additions, change.deletions);
    backup.changed.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `23 Nov 2026 06:55, 2 h ago`.
fn when(moment: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let local = moment.to_zoned_datetime(zone.clone()).strftime("%-d %b %Y %H:%M");
    format!("{local}, {}", ago(now.duration_since(moment).as_secs()))
}

fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        172_800.. => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_columns() {
        let change =
            |file: &str, additions, deletions| BackupChange { file: file.to_owned(), additions, deletions };
        let backup = |name: &str, at: &str, changed| Backup {
            name: name.to_owned(),
            replaced_at: at.parse().unwrap(),
            changed,
        };
        let backups = [
            backup(
                "backup_20261123_065552",
                "2026-11-23T06:55:52Z",
                vec![change("change-stream/config.ts", 2, 2)],
            ),
            backup(
                "backup_20261123_065444_2",
                "2026-11-23T06:54:44Z",
                vec![change("change-stream/message-payload.schema.ts", 4, 0), change("src/days.ts", 0, 1)],
            ),
        ];
        let now = "2026-11-23T09:00:00Z".parse().unwrap();
        let lines = backup_lines(&backups, now, &TimeZone::UTC);
        assert_eq!(
            lines,
            [
                "BACKUP                     WHEN                         CHANGED THEN",
                "backup_20261123_065552     23 Nov 2026 06:55, 2 h ago   config.ts +2 -2",
                "backup_20261123_065444_2   23 Nov 2026 06:54, 2 h ago   message-payload.schema.ts +4, ../src/days.ts -1",
            ]
        );
    }

    #[test]
    fn the_past_is_told_roughly() {
        assert_eq!(ago(-5), "just now", "clocks are set");
        assert_eq!(ago(119), "1 min ago");
        assert_eq!(ago(7_200), "2 h ago");
        assert_eq!(ago(200_000), "2 days ago");
    }
}
