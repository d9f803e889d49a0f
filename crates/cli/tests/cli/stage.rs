//! `csbroker stage`.

use crate::test_project::{CONFIG, SCHEMA, TestProject};

#[test]
fn files_are_printed_below_their_names() {
    let project = TestProject::ready();
    let run = project.run(&["stage"]).expect_code(1);
    assert_eq!(run.err, "✖ nothing is staged yet\n  Run: npx csbroker generate\n");
    project.run(&["generate"]).expect_code(0);
    project.set_partitions(1, 2);
    let run = project.run(&["stage"]).expect_code(0);
    let expected = format!("==> config.ts <==\n{CONFIG}\n==> message-payload.schema.ts <==\n{SCHEMA}");
    assert_eq!((run.out, run.err), (expected, String::new()));
}

#[test]
fn one_file_is_printed_as_it_is() {
    let project = TestProject::ready();
    project.run(&["generate"]).expect_code(0);
    for name in ["config.ts", "change-stream/config.ts", "./change-stream/config.ts"] {
        assert_eq!(project.run(&["stage", "-f", name]).expect_code(0).out, CONFIG);
    }
    let unknown = project.run(&["stage", "-f", "../../etc/passwd"]).expect_code(1);
    assert!(unknown.err.contains("There are: config.ts, message-payload.schema.ts"), "{}", unknown.err);
    let (_, document) = project.run_json(&["stage"]);
    assert_eq!(document["files"][1]["file"], "change-stream/message-payload.schema.ts");
    assert_eq!(document["files"][1]["text"], SCHEMA);
}
