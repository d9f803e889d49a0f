//! Which backup is meant. Names are compared with the list and never used as paths.

use similar::get_close_matches;

use super::Failure;
use crate::history::history_folder::Backup;

/// Stands for the newest backup.
const LATEST: &str = "latest";
const SUGGESTIONS: usize = 3;
/// How alike a name must be to be suggested. All have the same form, so a few digits make the difference.
const LIKENESS: f32 = 0.5;

/// The backup with this name, or with this part in its name if no other has it. `backups` are the newest first.
pub(crate) fn find<'b>(backups: &'b [Backup], name: &str) -> Result<&'b Backup, Failure> {
    if let Some(backup) = backups.iter().find(|backup| backup.name == name) {
        return Ok(backup);
    }
    if name == LATEST {
        return backups.first().ok_or_else(none_yet);
    }
    let matching: Vec<&Backup> =
        backups.iter().filter(|backup| !name.is_empty() && backup.name.contains(name)).collect();
    match matching[..] {
        [backup] => Ok(backup),
        [] => Err(unknown(backups, name)),
        _ => {
            Err(Failure::problem("ambiguous-backup", format!("`{name}` is a part of several backups' names"))
                .advise(matching.iter().map(|backup| backup.name.clone())))
        }
    }
}

/// There is nothing to restore.
pub(crate) fn none_yet() -> Failure {
    Failure::problem("no-backups", "there are no backups yet")
        .advise(["Each `npx csbroker generate` that changes something keeps the state before it."])
}

fn unknown(backups: &[Backup], name: &str) -> Failure {
    if backups.is_empty() {
        return none_yet();
    }
    let names: Vec<&str> = backups.iter().map(|backup| backup.name.as_str()).collect();
    let mut nearest = get_close_matches(name, &names, SUGGESTIONS, LIKENESS);
    if nearest.is_empty() {
        nearest = names.into_iter().take(SUGGESTIONS).collect();
    }
    Failure::problem("unknown-backup", format!("there is no backup `{name}`"))
        .advise(["The nearest are:"])
        .advise(nearest.into_iter().map(|near| format!("  {near}")))
        .advise(["All of them: npx csbroker backups"])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn backups() -> Vec<Backup> {
        let backup = |name: &str| Backup {
            name: name.to_owned(),
            replaced_at: Timestamp::UNIX_EPOCH,
            changed: vec![],
        };
        ["backup_20261123_065552", "backup_20261123_065444_2", "backup_20261123_065444"].map(backup).to_vec()
    }

    #[test]
    fn a_part_is_enough_if_no_other_has_it() {
        let backups = backups();
        let found =
            |name| find(&backups, name).map(|backup| backup.name.as_str()).map_err(|failure| failure.code);
        assert_eq!(found("latest"), Ok("backup_20261123_065552"));
        assert_eq!(found("5552"), Ok("backup_20261123_065552"));
        assert_eq!(
            found("backup_20261123_065444"),
            Ok("backup_20261123_065444"),
            "the whole name goes first"
        );
        assert_eq!(found("065444"), Err("ambiguous-backup"));
        assert_eq!(found(""), Err("unknown-backup"));
        assert_eq!(found("../../../x"), Err("unknown-backup"));
    }

    #[test]
    fn the_nearest_names_are_suggested() {
        let failure = find(&backups(), "backup_20261123_065553").unwrap_err();
        assert_eq!(failure.advice[1].trim(), "backup_20261123_065552");
        assert_eq!(failure.exit, 1);
        assert_eq!(find(&backups(), "nope").unwrap_err().advice.len(), 5);
        assert_eq!(find(&[], "latest").unwrap_err().code, "no-backups");
    }
}
