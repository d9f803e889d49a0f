//! Where there is no project.

use crate::test_project::TestProject;

#[test]
fn every_command_says_where_it_has_looked() {
    let project = TestProject::empty();
    for command in ["generate", "watch", "backups", "restore", "stage", "diff", "apply-stage"] {
        let run = project.run(&[command]).expect_code(1);
        assert_eq!(run.out, "");
        let folder = project.path().display();
        let first = format!("✖ there is no change-stream/ folder in {folder} or above it\n");
        assert!(run.err.starts_with(&first), "{command}: {}", run.err);
        assert!(run.err.contains("npx csbroker init"));
        let (code, document) = project.run_json(&[command]);
        assert_eq!(
            (code, &document["ok"], &document["error"]["code"]),
            (1, &false.into(), &"no-change-stream".into())
        );
    }
}

#[test]
fn services_below_are_suggested_and_can_be_named() {
    let project = TestProject::empty();
    project.write("services/orders/change-stream/config.ts", "");
    project.write("node_modules/other/change-stream/config.ts", "");
    let run = project.run(&["backups"]).expect_code(1);
    assert!(run.err.contains("\n    services/orders/change-stream\n"), "{}", run.err);
    assert!(run.err.contains("npx csbroker --cwd services/orders"));
    assert!(!run.err.contains("node_modules"));
    project.run(&["backups", "--cwd", "services/orders"]).expect_code(0);
    project.run(&["--cwd", "services/orders/change-stream/../change-stream", "backups"]).expect_code(0);
}

#[test]
fn an_image_may_have_no_sources_yet() {
    let project = TestProject::installed();
    let run = project.run(&["generate", "--if-present"]).expect_code(0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    assert_eq!(project.run_json(&["generate", "--if-present"]).1["ok"], true);
}
