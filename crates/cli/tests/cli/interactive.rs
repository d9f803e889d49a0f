//! What is asked on a terminal.

use crate::terminal_user::TerminalUser;
use crate::test_project::{CONFIG, SCHEMA, TestProject};

const ENTER: &str = "\r";
const DOWN: &str = "\u{1b}[B";

fn start(project: &TestProject, args: &[&str]) -> TerminalUser {
    TerminalUser::start(project.program(&[args, &["--color", "never"]].concat()))
}

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
fn staged_files_are_picked() {
    let project = edited();
    let mut user = start(&project, &["apply-stage"]);
    user.sees("Staged files that differ from yours:");
    user.sees("❯◯ config.ts");
    user.sees("q quits");
    user.types("d");
    user.sees("+\tpartitions: 1,");
    user.sees("q quits");
    user.types(DOWN);
    user.sees("❯◯ message-payload.schema.ts");
    user.types(" ");
    user.sees("❯◉ message-payload.schema.ts");
    user.types(ENTER);
    user.sees("✔ applied message-payload.schema.ts (yours is kept in backup_");
    assert_eq!(user.finish().0, Some(0));
    assert_eq!(project.read("change-stream/message-payload.schema.ts"), SCHEMA);
    assert_ne!(project.read("change-stream/config.ts"), CONFIG);
}

#[test]
fn nothing_is_applied_without_a_choice() {
    for keys in ["q", "\u{1b}", ENTER] {
        let project = edited();
        let mut user = start(&project, &["apply-stage"]);
        user.sees("q quits");
        user.types(keys);
        let (code, shown) = user.finish();
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("nothing was applied"), "{shown}");
        assert_ne!(project.read("change-stream/config.ts"), CONFIG);
    }
}

#[test]
fn all_staged_files_are_picked_with_one_key() {
    let project = edited();
    let mut user = start(&project, &["apply-stage"]);
    user.sees("q quits");
    user.types("a");
    user.sees("◉ message-payload.schema.ts");
    user.types(ENTER);
    assert_eq!(user.finish().0, Some(0));
    assert_eq!(project.read("change-stream/config.ts"), CONFIG);
}

#[test]
fn a_backup_is_chosen_by_its_number() {
    let project = TestProject::generated_twice();
    let mut user = start(&project, &["restore"]);
    user.sees("  1  backup_");
    user.sees("[1, q quits] ");
    user.types("7\n");
    user.sees("give a number from 1 to 1, or q");
    user.types("1\n");
    user.sees("✔ restored backup_");
    assert_eq!(user.finish().0, Some(0));

    let mut user = start(&project, &["restore"]);
    user.sees("[1, q quits] ");
    user.types("q\n");
    let (code, shown) = user.finish();
    assert_eq!((code, shown.contains("restored")), (Some(0), false));
}

#[test]
fn staged_files_are_shown_one_by_one() {
    let project = TestProject::generated_twice();
    let mut program = project.program(&["stage"]);
    program.env("PAGER", "cat -n");
    let mut user = TerminalUser::start(program);
    user.sees("2  message-payload.schema.ts");
    user.sees("[1, q quits] ");
    user.types("2\n");
    user.sees("1\texport interface PurchaseCreatedPayload");
    user.sees("[1, q quits] ");
    user.types("\n");
    user.sees("1\texport const brokerConfig");
    user.sees("[1, q quits] ");
    user.types("q\n");
    assert_eq!(user.finish().0, Some(0));
}

#[test]
fn edits_of_the_projects_files_are_asked_for() {
    let project = TestProject::installed();
    project.write("tsconfig.build.json", "{\"exclude\": [\"dist\"]}");
    project.write(".gitignore", "dist\n");
    let mut user = start(&project, &["init"]);
    user.sees("created  change-stream/config.ts");
    user.sees("tsconfig.build.json: exclude \"change-stream\", so that dist/main stays where it is? [Y/n] ");
    user.types("\n");
    user.sees("package.json: add to scripts postinstall, prebuild: csbroker generate --if-present? [Y/n] ");
    user.types("perhaps\n");
    user.sees("? [Y/n] ");
    user.types("n\n");
    user.sees(".gitignore: add .csbroker/? [Y/n] ");
    user.types("y\n");
    let (code, shown) = user.finish();
    assert_eq!(code, Some(0), "{shown}");
    assert!(project.read("tsconfig.build.json").contains("change-stream"));
    assert!(!project.read("package.json").contains("postinstall"));
    assert!(project.read(".gitignore").contains(".csbroker/"));
    assert!(shown.contains("to do    package.json"), "{shown}");
}

#[test]
fn a_document_is_never_asked_about() {
    let project = edited();
    assert_eq!(start(&project, &["apply-stage", "--json"]).finish().0, Some(3));
    let mut dumb = project.program(&["apply-stage"]);
    dumb.env("TERM", "dumb");
    assert_eq!(TerminalUser::start(dumb).finish().0, Some(3));
}
