//! The program that judges histories of others.
#![expect(clippy::expect_used, reason = "what fails here has to fail the test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

const SENT: &str = r#"{"member":"p","kind":"sendBegun","value":"a"}
{"member":"p","kind":"sendAcknowledged","value":"a"}
"#;
const HANDLED: &str = r#"{"member":"c","kind":"deliveryBegun","partition":0,"value":"a","attempt":1}
{"member":"c","kind":"deliveryFinished","partition":0,"value":"a"}
"#;

fn check(arguments: &[&str], history: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_check_history"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all(history.as_bytes()).expect("read");
    let Output { status, stdout, stderr } = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_clean_history_ends_with_0() {
    let (code, report, _) = check(&[], &format!("{SENT}{HANDLED}"));
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("clean") && report.contains("handled 1 in 1 deliveries"), "{report}");
}

#[test]
fn a_broken_history_ends_with_1() {
    let (code, report, _) = check(&[], SENT);
    assert_eq!(code, Some(1));
    assert!(report.contains("BROKEN") && report.contains("a: acknowledged, never finished"), "{report}");
}

#[test]
fn the_bounds_are_given_and_the_verdict_can_be_read_by_programs() {
    let history = format!("{SENT}{HANDLED}");
    let (code, report, _) = check(&["--json", "--expect", r#"{ "deadLetters": ["a"] }"#], &history);
    assert_eq!(code, Some(1));
    let verdict: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(verdict["numbers"]["handled"], 1);
    assert_eq!(verdict["findings"][0]["finding"], "deadLetterMissing");
}

#[test]
fn reads_a_file() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(SENT.as_bytes()).expect("written");
    let (code, ..) = check(&[file.path().to_str().expect("text")], "");
    assert_eq!(code, Some(1));
}

#[test]
fn what_cannot_be_read_ends_with_2() {
    let (code, _, problem) = check(&[], &format!("{SENT}{{"));
    assert_eq!(code, Some(2));
    assert!(problem.contains("line 3"), "{problem}");
    assert_eq!(check(&["--expect", "{"], "").0, Some(2));
    assert_eq!(check(&["no-such-file"], "").0, Some(2));
}
