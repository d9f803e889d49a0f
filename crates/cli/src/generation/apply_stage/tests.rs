use super::super::test_project::{TestProject, config, options, path};
use super::*;
use crate::generation::generate_client::generate_client;

fn apply(project: &TestProject, differences: &[FileDifference]) -> (Vec<(String, bool)>, Option<String>) {
    let (applied, backup) = apply_stage(&project.project, differences, 10).unwrap();
    (applied.into_iter().map(|applied| (applied.file, applied.is_deleted)).collect(), backup)
}

/// A project whose stage has `config.ts` without topics, the schema and `topics/names.ts`.
fn staged() -> TestProject {
    let project = TestProject::new();
    project.write("change-stream/topics/names.ts", "export const one = 'one'\n");
    let imports = "import { one } from './topics/names'\n";
    let uses = "\nexport const oneProducerConfig =\n  \
                defineProducer({ topic: one, partitions: 1, retentionMs: 86400000 })\n";
    project.write("change-stream/config.ts", &format!("{imports}{}{uses}", config(&[])));
    project.generate();
    project
}

#[test]
fn the_users_files_become_the_staged_ones_and_are_kept_before() {
    let project = staged();
    let before = project.read("change-stream/config.ts");
    project.write("change-stream/extra.ts", "export const extra = 'extra'\n");
    let mine =
        format!("import {{ extra }} from './extra'\n{}\nexport const name = extra\n", config(&["mine"]));
    project.write("change-stream/config.ts", &mine);
    fs::remove_file(project.at("change-stream/topics/names.ts")).unwrap();
    let (applied, backup) = apply(&project, &project.differences());
    let expected = [
        ("change-stream/config.ts".to_owned(), false),
        ("change-stream/extra.ts".to_owned(), true),
        ("change-stream/topics/names.ts".to_owned(), false),
    ];
    assert_eq!(applied, expected);
    assert_eq!(project.read("change-stream/config.ts"), before);
    assert!(!project.at("change-stream/extra.ts").exists());
    assert!(project.at("change-stream/topics/names.ts").exists());
    let kept = project.history().backups().unwrap().remove(0);
    assert_eq!(Some(&kept.name), backup.as_ref());
    let kept = project.history().sources_of(&kept).unwrap();
    assert_eq!(kept[&path("config.ts")], mine);
    assert!(kept.contains_key(&path("extra.ts")));
    assert!(!generate_client(&project.project, &options()).unwrap().is_changed);
}

#[test]
fn only_chosen_files_are_touched() {
    let project = staged();
    project.write("change-stream/topics/names.ts", "export const one = 'two'\n");
    let schema = "export interface Other {\n  id: string\n}\n";
    project.write("change-stream/message-payload.schema.ts", schema);
    let mut differences = project.differences();
    differences.retain(|difference| difference.path == path("topics/names.ts"));
    let (applied, backup) = apply(&project, &differences);
    assert_eq!(applied, [("change-stream/topics/names.ts".to_owned(), false)]);
    assert!(backup.is_some());
    assert_eq!(project.read("change-stream/message-payload.schema.ts"), schema);
    // Again, with what is no longer true.
    assert_eq!(apply(&project, &differences), (vec![], None));
    assert_eq!(project.backups().len(), 1);
}

#[test]
fn files_of_the_rest_of_the_project_are_never_deleted() {
    let project = staged();
    project.write("src/days.ts", "export const day = 86400000\n");
    let mine = format!("import {{ day }} from '../src/days'\n{}\nexport const length = day\n", config(&[]));
    project.write("change-stream/config.ts", &mine);
    let differences = project.differences();
    assert!(differences.iter().any(|difference| difference.path == path("_up/src/days.ts")));
    let (applied, _) = apply(&project, &differences);
    assert_eq!(applied, [("change-stream/config.ts".to_owned(), false)]);
    assert!(project.at("src/days.ts").exists());
}

#[test]
fn differences_that_name_what_is_no_source_do_nothing() {
    let project = staged();
    project.write("change-stream/notes.ts", "mine");
    project.write("package.json", "{}");
    let named = |file: &str, status| FileDifference { path: path(file), status, additions: 0, deletions: 0 };
    let differences = [
        named("notes.ts", FileStatus::Added),
        named("_up/package.json", FileStatus::Added),
        named("config.ts", FileStatus::Unchanged),
        named("nowhere.ts", FileStatus::Modified),
    ];
    assert_eq!(apply(&project, &differences), (vec![], None));
    assert!(project.at("change-stream/notes.ts").exists());
}

#[test]
fn without_a_stage_there_is_nothing_to_apply() {
    let project = TestProject::new();
    assert_eq!(apply(&project, &[]), (vec![], None));
}
