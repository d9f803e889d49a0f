//! `csbroker restore`.

use crate::test_project::TestProject;

#[test]
fn client_and_stage_go_back_and_the_users_files_stay() {
    let project = TestProject::generated_twice();
    let backup = project.backups().remove(0);
    let run = project.run(&["restore", &backup]).expect_code(0);
    let newest = project.backups().remove(0);
    assert_eq!(
        run.out,
        format!(
            "✔ restored {backup}: client regenerated, its sources are staged\n  the state before it is {newest}\n  \
             your files in change-stream/ are unchanged; they differ from the stage: config.ts +1 -1\n\
             Next: npx csbroker diff, then npx csbroker apply-stage\n"
        )
    );
    assert_ne!(newest, backup);
    assert!(project.run(&["stage", "-f", "config.ts"]).out.contains("partitions: 1,"));
    assert!(project.read("change-stream/config.ts").contains("partitions: 3,"));
}

#[test]
fn the_users_files_can_go_back_as_well() {
    let project = TestProject::generated_twice();
    let run = project.run(&["restore", "latest", "--apply"]).expect_code(0);
    assert!(run.out.contains("\n✔ applied config.ts (yours is kept in backup_"), "{}", run.out);
    assert!(project.read("change-stream/config.ts").contains("partitions: 1,"));
    assert_eq!(project.run(&["diff", "--exit-code"]).expect_code(0).out, "");
}

#[test]
fn a_part_of_the_name_is_enough_and_paths_are_no_names() {
    let project = TestProject::generated_twice();
    let unknown = project.run(&["restore", "nope"]).expect_code(1);
    assert!(unknown.err.starts_with("✖ there is no backup `nope`\n"), "{}", unknown.err);
    assert!(unknown.err.contains(&project.backups()[0]));
    project.run(&["restore", "../../../x"]).expect_code(1);
    project.run(&["restore", "../stage"]).expect_code(1);
    let part = project.backups()[0]["backup_".len()..].to_owned();
    let (code, document) = project.run_json(&["restore", &part]);
    assert_eq!((code, &document["ok"], &document["changed"]), (0, &true.into(), &true.into()));
    assert_eq!(document["files"][0]["status"], "modified");
}

#[test]
fn without_a_terminal_a_name_is_needed() {
    let project = TestProject::generated_twice();
    let run = project.run(&["restore"]).expect_code(3);
    assert!(run.err.contains(&project.backups()[0]), "{}", run.err);
    assert_eq!(project.run_json(&["restore"]).1["error"]["code"], "needs-answer");
    let none = TestProject::ready().run(&["restore"]).expect_code(1);
    assert!(none.err.starts_with("✖ there are no backups yet\n"));
}
