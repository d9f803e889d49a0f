//! `csbroker diff`.

use crate::test_project::TestProject;

fn edited() -> TestProject {
    let project = TestProject::ready();
    project.run(&["generate"]).expect_code(0);
    project.set_partitions(1, 6);
    project
}

#[test]
fn what_is_piped_is_a_patch() {
    let project = edited();
    let run = project.run(&["diff"]).expect_code(0);
    assert!(run.out.starts_with("--- stage/config.ts\n+++ change-stream/config.ts\n@@ -"), "{}", run.out);
    assert!(run.out.contains("\n-\tpartitions: 1,\n+\tpartitions: 6,\n"), "{}", run.out);
    assert!(!run.out.contains("file(s) differ"));
    assert_eq!(
        run.err,
        "1 file(s) differ from the stage (+1 -1). `csbroker generate` stages yours, `csbroker apply-stage` takes the staged ones.\n"
    );
    assert!(project.run(&["diff", "--color=always"]).out.contains('\u{1b}'));
}

#[test]
fn options_choose_what_is_shown() {
    let project = edited();
    assert_eq!(project.run(&["diff", "--stat"]).expect_code(0).out, "  config.ts   +1 -1   modified\n");
    let lines = |context| project.run(&["diff", "-U", context]).expect_code(0).out.lines().count();
    assert!(lines("0") < lines("3") && lines("3") < lines("100"));
    assert_eq!(project.run(&["diff", "message-payload.schema.ts"]).expect_code(0).out, "");
    project.run(&["diff", "nothing.ts"]).expect_code(1);
    project.run(&["diff", "--exit-code"]).expect_code(1);
    project.run(&["diff", "--exit-code", "message-payload.schema.ts"]).expect_code(0);
}

#[test]
fn no_differences_are_said() {
    let project = TestProject::ready();
    project.run(&["generate"]).expect_code(0);
    let run = project.run(&["diff", "--exit-code"]).expect_code(0);
    assert_eq!(run.err, "No differences: config.ts and message-payload.schema.ts match the stage.\n");
}

#[test]
fn the_document_has_every_file() {
    let (code, document) = edited().run_json(&["diff", "--exit-code"]);
    assert_eq!((code, &document["changed"]), (1, &1.into()));
    let files = document["files"].as_array().unwrap();
    assert_eq!(files[0]["file"], "change-stream/config.ts");
    assert_eq!((&files[0]["status"], &files[0]["additions"]), (&"modified".into(), &1.into()));
    assert_eq!(files[1]["status"], "unchanged");
}

#[test]
fn broken_files_have_differences_too() {
    let project = edited();
    project.write("change-stream/config.ts", "export const brokerConfig = defineBroker({\n");
    assert!(project.run(&["diff"]).expect_code(0).out.contains("\n-\tmongoUri: "));
}
