//! Help, versions, and what is no command.

use crate::test_project::{Finished, TestProject};

#[test]
fn help_goes_to_standard_output_and_complaints_do_not() {
    let project = TestProject::empty();
    let help = project.run(&["--help"]).expect_code(0);
    assert!(help.out.contains("Examples:\n  npx csbroker init "), "{}", help.out);
    assert!(!help.out.contains('\u{1b}'));
    for command in
        ["init", "generate", "watch", "backups", "restore", "stage", "diff", "apply-stage", "completions"]
    {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command}");
        let help = project.run(&[command, "--help"]).expect_code(0);
        assert!(help.out.contains("Examples:\n  npx csbroker "), "{command}");
    }
    let complaint = project.run(&["conjure"]).expect_code(2);
    assert!(complaint.out.is_empty() && complaint.err.contains("conjure"));
    assert!(project.run(&[]).expect_code(2).err.contains("Usage: csbroker"));
    assert!(project.run(&["--version"]).expect_code(0).out.starts_with("csbroker 2."));
}

#[test]
fn wrong_values_are_wrong_usage() {
    let project = TestProject::ready();
    project.run(&["generate", "--keep-backups", "0"]).expect_code(2);
    project.run(&["generate", "--cwd", "nowhere"]).expect_code(2);
    let bad =
        Finished::of(project.program(&["generate"]).env("CSBROKER_KEEP_BACKUPS", "many")).expect_code(2);
    assert_eq!(bad.err, "✖ CSBROKER_KEEP_BACKUPS is `many`: give a number from 1 to 1000\n");
}

#[test]
fn shells_get_their_scripts() {
    let project = TestProject::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = project.run(&["completions", shell]).expect_code(0).out;
        assert!(script.contains("apply-stage"), "{shell}");
    }
    assert_eq!(project.run_json(&["completions", "bash"]).1["shell"], "bash");
}

#[test]
fn output_that_nobody_reads_does_not_matter() {
    let project = TestProject::empty();
    let mut program = project.program(&["completions", "bash"]);
    let mut child = program.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
