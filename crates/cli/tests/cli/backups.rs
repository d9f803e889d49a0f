//! `csbroker backups`.

use crate::test_project::TestProject;

#[test]
fn backups_are_listed_with_what_changed_then() {
    let project = TestProject::generated_twice();
    let run = project.run(&["backups"]).expect_code(0);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("BACKUP ") && lines[0].ends_with("   CHANGED THEN"), "{}", run.out);
    assert!(
        lines[1].starts_with("backup_2") && lines[1].ends_with(", just now   config.ts +1 -1"),
        "{}",
        run.out
    );
    assert_eq!(lines.len(), 2);
    assert_eq!(
        run.err,
        "1 of at most 10 kept in .csbroker/backups. Restore one: npx csbroker restore <name>\n"
    );
}

#[test]
fn none_yet_is_no_error() {
    let project = TestProject::ready();
    let run = project.run(&["backups"]).expect_code(0);
    assert_eq!(run.out, "");
    assert!(run.err.starts_with("No backups yet"), "{}", run.err);
    let (_, document) = project.run_json(&["backups"]);
    assert_eq!(document["backups"].as_array().unwrap().len(), 0);
}
