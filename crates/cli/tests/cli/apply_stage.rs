//! `csbroker apply-stage`.

use crate::test_project::{CONFIG, SCHEMA, TestProject};

/// Both files differ from the stage.
fn edited() -> TestProject {
    let project = TestProject::ready();
    project.run(&["generate"]).expect_code(0);
    project.set_partitions(1, 6);
    project.write(
        "change-stream/message-payload.schema.ts",
        &format!("{SCHEMA}\nexport interface Other {{}}\n"),
    );
    project
}

#[test]
fn without_a_terminal_a_choice_is_needed() {
    let project = edited();
    let run = project.run(&["apply-stage"]).expect_code(3);
    assert_eq!(
        run.err,
        "✖ apply-stage needs a choice: name files or pass --force (--dry-run shows what would change)\n"
    );
    assert_ne!(project.read("change-stream/config.ts"), CONFIG);
}

#[test]
fn named_files_are_applied_and_the_users_are_kept() {
    for args in [["apply-stage", "config.ts"], ["apply-stage", "--file=change-stream/config.ts"]] {
        let project = edited();
        let run = project.run(&args).expect_code(0);
        let backup = project.backups().remove(0);
        assert_eq!(
            run.out,
            format!("✔ applied config.ts (yours is kept in {backup})\nNext: npx csbroker generate\n")
        );
        assert_eq!(project.read("change-stream/config.ts"), CONFIG);
        assert_ne!(project.read("change-stream/message-payload.schema.ts"), SCHEMA);
    }
}

#[test]
fn all_are_applied_by_force() {
    let project = edited();
    let (code, document) = project.run_json(&["apply-stage", "--force"]);
    assert_eq!((code, &document["applied"]["files"][0]["file"]), (0, &"change-stream/config.ts".into()));
    assert_eq!(project.read("change-stream/message-payload.schema.ts"), SCHEMA);
    let again = project.run(&["apply-stage"]).expect_code(0);
    assert_eq!(again.out, "✔ change-stream/ already matches the stage\n");
}

#[test]
fn a_dry_run_shows_what_would_change() {
    let project = edited();
    let run = project.run(&["apply-stage", "--dry-run"]).expect_code(0);
    assert!(run.out.contains("\n-\tpartitions: 6,\n+\tpartitions: 1,\n"), "{}", run.out);
    assert_eq!(run.err, "2 file(s) would change; nothing was written\n");
    assert_ne!(project.read("change-stream/config.ts"), CONFIG);
    assert!(project.backups().is_empty());
}

#[test]
fn deleted_files_come_back_and_new_ones_stay() {
    let project = TestProject::ready();
    project.write("change-stream/names.ts", "export const NAME = 'purchases.new-purchase'\n");
    let importing = CONFIG.replace("'purchases.new-purchase'", "NAME");
    project.write("change-stream/config.ts", &format!("import {{ NAME }} from './names'\n{importing}"));
    project.run(&["generate"]).expect_code(0);
    std::fs::remove_file(project.file("change-stream/names.ts")).unwrap();
    project.write("src/other.ts", "export const NAME = 'a.b'\n");
    project.write("change-stream/config.ts", &format!("import {{ NAME }} from '../src/other'\n{importing}"));
    let run = project.run(&["apply-stage", "--force"]).expect_code(0);
    assert!(run.err.contains("kept ../src/other.ts: not staged"), "{}", run.err);
    assert!(project.has("src/other.ts") && project.has("change-stream/names.ts"));
    assert_eq!(project.run(&["generate"]).expect_code(0).out, "✔ client up to date\n");
}
