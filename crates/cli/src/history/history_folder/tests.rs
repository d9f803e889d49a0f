use std::sync::atomic::{AtomicBool, Ordering};

use jiff::ZonedDateTime;

use super::*;
use crate::source::module_path::ModulePath;

struct Disk {
    folder: tempfile::TempDir,
    history: History,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let history = History::of(&Project { root: folder.path().to_path_buf() });
        Self { folder, history }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(".csbroker").join(path)
    }

    fn back_up(&self, moment: &str, text: &str, keep: usize) -> String {
        let lock = self.history.lock().unwrap();
        let moment: ZonedDateTime = moment.parse().unwrap();
        let new = sources(&[("config.ts", "new\n")]);
        self.history.back_up_at(&lock, &moment, (&sources(&[("config.ts", text)]), &new), keep).unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.history.backups().unwrap().into_iter().map(|backup| backup.name).collect()
    }
}

fn sources(files: &[(&str, &str)]) -> SourceFiles {
    files.iter().map(|(path, text)| (ModulePath::parse(path).unwrap(), (*text).to_owned())).collect()
}

#[test]
fn reading_makes_nothing_and_locking_makes_a_folder_that_git_ignores() {
    let disk = Disk::new();
    assert_eq!(disk.history.stage().unwrap(), None);
    assert!(disk.history.backups().unwrap().is_empty());
    assert!(!disk.at("").exists());
    drop(disk.history.lock().unwrap());
    assert_eq!(fs::read_to_string(disk.at(".gitignore")).unwrap(), "*\n");
    fs::write(disk.at(".gitignore"), "lock\n").unwrap();
    drop(disk.history.lock().unwrap());
    assert_eq!(fs::read_to_string(disk.at(".gitignore")).unwrap(), "lock\n", "the user's choice stays");
}

#[test]
fn the_stage_is_replaced_as_a_whole() {
    let disk = Disk::new();
    let lock = disk.history.lock().unwrap();
    for files in [
        &[("config.ts", "1"), ("topics/names.ts", "2"), ("_up/src/days.ts", "3\r\n")][..],
        &[("config.ts", "4")],
    ] {
        disk.history.replace_stage(&lock, &sources(files)).unwrap();
        assert_eq!(disk.history.stage().unwrap(), Some(sources(files)));
    }
    assert!(!disk.at("stage/topics").exists());
}

#[test]
fn a_lock_keeps_others_out_until_it_is_dropped() {
    let disk = Disk::new();
    let lock = disk.history.lock().unwrap();
    let is_free = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _lock = disk.history.lock().unwrap();
            is_free.load(Ordering::SeqCst)
        });
        // Until it waits there is nothing to see; if it does not wait it is done before the flag is set, or the test
        // proves nothing this time.
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        is_free.store(true, Ordering::SeqCst);
        drop(lock);
        assert!(other.join().unwrap());
    });
}

#[test]
fn backups_are_found_again_newest_first() {
    let disk = Disk::new();
    // In one second, and in an hour that the local clock shows twice.
    let moments =
        ["2026-10-25T02:30:00.5+02[+02]", "2026-10-25T02:30:00.5+02[+02]", "2026-10-25T02:10:00+01[+01]"];
    for (moment, text) in moments.into_iter().zip(["1\n", "2\n", "3\n"]) {
        disk.back_up(moment, text, 10);
    }
    assert_eq!(
        disk.names(),
        ["backup_20261025_021000", "backup_20261025_023000_2", "backup_20261025_023000"]
    );
    let backups = disk.history.backups().unwrap();
    assert_eq!(disk.history.sources_of(&backups[1]).unwrap(), sources(&[("config.ts", "2\n")]));
    let changed = BackupChange { file: "change-stream/config.ts".into(), additions: 1, deletions: 1 };
    assert_eq!(backups[0].changed, [changed]);
    assert_eq!(backups[0].replaced_at.to_string(), "2026-10-25T01:10:00Z");
    let meta = fs::read_to_string(disk.at("backups/backup_20261025_021000/meta.json")).unwrap();
    assert!(meta.contains(r#""replacedAt": "2026-10-25T01:10:00Z""#), "{meta}");
}

#[test]
fn only_so_many_are_kept_and_always_the_newest() {
    let disk = Disk::new();
    for minute in 10..15 {
        disk.back_up(&format!("2026-01-01T00:{minute}:00+00[+00]"), "", 3);
    }
    assert_eq!(disk.names(), ["backup_20260101_001400", "backup_20260101_001300", "backup_20260101_001200"]);
    // The clock went back, and nothing is to be kept.
    disk.back_up("2025-01-01T00:00:00+00[+00]", "", 0);
    assert_eq!(disk.names(), ["backup_20250101_000000"]);
}

#[test]
fn damaged_and_foreign_entries_are_passed_over_and_stay() {
    let disk = Disk::new();
    let good = disk.back_up("2026-01-01T00:00:00+00[+00]", "", 10);
    let meta = fs::read_to_string(disk.at("backups").join(&good).join("meta.json")).unwrap();
    let damaged = [
        ("backup_20260102_000000", Some("{")),
        ("backup_20260102_000001", Some(meta.replace("\"format\": 1", "\"format\": 2")).as_deref())
            .to_owned(),
        ("backup_20260102_000002", None),
        ("mine", Some(&*meta)),
    ]
    .map(|(name, meta)| (name, meta.map(ToOwned::to_owned)));
    for (name, meta) in &damaged {
        fs::create_dir_all(disk.at("backups").join(name).join("sources")).unwrap();
        if let Some(meta) = meta {
            fs::write(disk.at("backups").join(name).join("meta.json"), meta).unwrap();
        }
    }
    fs::create_dir_all(disk.at("backups/backup_20260102_000003")).unwrap();
    fs::write(disk.at("backups/backup_20260102_000003/meta.json"), &meta).unwrap();
    fs::write(disk.at("backups/backup_20260102_000004"), "a file").unwrap();
    assert_eq!(disk.names(), [good]);
    disk.back_up("2026-01-03T00:00:00+00[+00]", "", 1);
    assert!(damaged.iter().all(|(name, _)| disk.at("backups").join(name).is_dir()));
    // A name that such an entry has is taken.
    assert_eq!(disk.back_up("2026-01-02T00:00:04+00[+00]", "", 1), "backup_20260102_000004_2");
}

#[test]
fn the_next_run_clears_away_what_killed_ones_left() {
    let disk = Disk::new();
    let lock = disk.history.lock().unwrap();
    disk.history.replace_stage(&lock, &sources(&[("config.ts", "old")])).unwrap();
    drop(lock);
    for left in [
        "backups/.backup_20260101_000000.csbroker-new",
        "backups/.backup_1.csbroker-old",
        ".stage.csbroker-new",
    ] {
        fs::create_dir_all(disk.at(left).join("sources")).unwrap();
    }
    fs::create_dir_all(disk.at("backups/.mine")).unwrap();
    drop(disk.history.lock().unwrap());
    let left: Vec<_> =
        fs::read_dir(disk.at("backups")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".mine"]);
    assert!(!disk.at(".stage.csbroker-new").exists());
    assert_eq!(disk.history.stage().unwrap(), Some(sources(&[("config.ts", "old")])));
    // Killed between the two renames, where folders cannot be exchanged.
    fs::rename(disk.at("stage"), disk.at(".stage.csbroker-old")).unwrap();
    fs::create_dir_all(disk.at(".stage.csbroker-next")).unwrap();
    fs::write(disk.at(".stage.csbroker-next/config.ts"), "new").unwrap();
    drop(disk.history.lock().unwrap());
    assert_eq!(disk.history.stage().unwrap(), Some(sources(&[("config.ts", "new")])));
}
