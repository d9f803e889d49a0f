use std::fs;

use super::super::test_project::{TestProject, changed, config, options, path};
use super::*;
use crate::diff::file_differences::FileStatus;

const CLIENT: &str = "node_modules/.csbroker/client/config.js";

#[test]
fn client_and_stage_go_back_and_the_users_files_stay() {
    let project = TestProject::new();
    project.generate();
    let first = project.read(CLIENT);
    project.configure(&["purchases"]);
    let backup = project.generate().backup.unwrap();
    let restored = restore_backup(&project.project, &backup, &options()).unwrap();
    assert!(restored.is_changed);
    assert_eq!(project.read(CLIENT), first);
    assert_eq!(project.stage()[&path("config.ts")], config(&[]));
    assert_eq!(project.read("change-stream/config.ts"), config(&["purchases"]));
    assert_eq!(changed(&restored.differences), [("config.ts", FileStatus::Modified)]);
    // What was replaced is a backup too, so this can be undone.
    let undone = restore_backup(&project.project, &restored.backup.unwrap(), &options()).unwrap();
    assert!(changed(&undone.differences).is_empty());
    assert!(project.read(CLIENT).contains("purchases"));
    assert_eq!(project.backups().len(), 3);
}

#[test]
fn what_is_there_already_is_not_restored_again() {
    let project = TestProject::new();
    project.generate();
    project.configure(&["purchases"]);
    let backup = project.generate().backup.unwrap();
    restore_backup(&project.project, &backup, &options()).unwrap();
    let again = restore_backup(&project.project, &backup, &options()).unwrap();
    assert!(!again.is_changed && again.backup.is_none());
}

#[test]
fn imported_files_are_part_of_it() {
    let project = TestProject::new();
    project.write("change-stream/topics/names.ts", "export const one = 'one'\n");
    project.write("src/days.ts", "export const day = 86400000\n");
    let imports = "import { one } from './topics/names'\nimport { day } from '../src/days'\n";
    let uses = "\nexport const oneProducerConfig = defineProducer({ topic: one, partitions: 1, retentionMs: day })\n";
    project.write("change-stream/config.ts", &format!("{imports}{}{uses}", config(&[])));
    project.generate();
    let first = project.read(CLIENT);
    project.configure(&[]);
    fs::remove_dir_all(project.at("src")).unwrap();
    fs::remove_dir_all(project.at("change-stream/topics")).unwrap();
    let backup = project.generate().backup.unwrap();
    let restored = restore_backup(&project.project, &backup, &options()).unwrap();
    assert_eq!(project.read(CLIENT), first);
    let expected = [
        ("_up/src/days.ts", FileStatus::Deleted),
        ("config.ts", FileStatus::Modified),
        ("topics/names.ts", FileStatus::Deleted),
    ];
    assert_eq!(changed(&restored.differences), expected);
    assert!(!project.at("src").exists());
}

#[test]
fn the_oldest_backup_can_be_restored_though_it_makes_room_for_a_new_one() {
    let project = TestProject::new();
    project.generate();
    let options = GenerateOptions { keep: 1, ..options() };
    project.configure(&["purchases"]);
    let backup = project.generate_with(&options).unwrap().backup.unwrap();
    let restored = restore_backup(&project.project, &backup, &options).unwrap();
    assert_eq!(project.stage()[&path("config.ts")], config(&[]));
    assert_eq!(project.backups(), [restored.backup.unwrap()]);
}

#[test]
fn names_are_looked_up_and_never_taken_for_paths() {
    let project = TestProject::new();
    project.generate();
    for name in ["backup_20200101_000000", "", "../stage", "."] {
        let error = restore_backup(&project.project, name, &options()).unwrap_err();
        assert!(matches!(error, GenerateError::Io(error) if error.kind() == io::ErrorKind::NotFound));
    }
}
