use std::fs;
use std::process::{Command, Stdio};

use super::*;

const PLAIN: DiffStyle = DiffStyle { context: 3, color: false };

fn diff_of(old: Option<&str>, new: Option<&str>) -> String {
    unified_diff(("stage/a.ts", old), ("change-stream/a.ts", new), PLAIN)
}

fn numbered(word: &str, count: usize) -> String {
    let lines: Vec<_> = (1..=count).map(|number| format!("{word}{number}\n")).collect();
    lines.concat()
}

#[test]
fn a_change_has_its_surroundings() {
    let old = numbered("", 20);
    let new = old.replace("\n5\n", "\nfive\n").replace("19\n", "");
    let expected = "--- stage/a.ts\n+++ change-stream/a.ts\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
                    @@ -16,5 +16,4 @@\n 16\n 17\n 18\n-19\n 20\n";
    assert_eq!(diff_of(Some(&old), Some(&new)), expected);
    let close = unified_diff(("a", Some(&old)), ("b", Some(&new)), DiffStyle { context: 0, color: false });
    assert_eq!(close, "--- a\n+++ b\n@@ -5 +5 @@\n-5\n+five\n@@ -19 +18,0 @@\n-19\n");
}

#[test]
fn files_may_be_missing_or_the_same() {
    assert_eq!(diff_of(None, Some("1\n")), "--- /dev/null\n+++ change-stream/a.ts\n@@ -0,0 +1 @@\n+1\n");
    assert_eq!(diff_of(Some("1\n"), None), "--- stage/a.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n");
    assert_eq!(diff_of(None, Some("")), "--- /dev/null\n+++ change-stream/a.ts\n");
    for same in [None, Some(""), Some("1\n2")] {
        assert_eq!(diff_of(same, same), "");
    }
    assert_eq!(diff_of(Some("1\r\n2\r\n"), Some("1\n2\n")), "");
}

#[test]
fn a_missing_newline_is_said() {
    let expected =
        "--- stage/a.ts\n+++ change-stream/a.ts\n@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+2\n";
    assert_eq!(diff_of(Some("1\n2"), Some("1\n2\n")), expected);
}

#[test]
fn line_endings_are_kept_and_make_no_difference() {
    let diff = diff_of(Some("1\r\n2\r\n3\r\n"), Some("1\nzwei\n3\n"));
    assert_eq!(diff, "--- stage/a.ts\n+++ change-stream/a.ts\n@@ -1,3 +1,3 @@\n 1\r\n-2\r\n+zwei\r\n 3\r\n");
}

#[test]
fn colors_show_the_words_that_changed() {
    let style = DiffStyle { context: 3, color: true };
    let diff = unified_diff(("a", Some("x: 3,\r\ny: 1,\r\n")), ("b", Some("x: 6,\ny: 1,\n")), style);
    let expected = [
        "\u{1b}[1m--- a\u{1b}[0m",
        "\u{1b}[1m+++ b\u{1b}[0m",
        "\u{1b}[36m@@ -1,2 +1,2 @@\u{1b}[0m",
        "\u{1b}[31m-\u{1b}[0m\u{1b}[31mx: \u{1b}[0m\u{1b}[31m\u{1b}[1m\u{1b}[4m3,\u{1b}[0m",
        "\u{1b}[32m+\u{1b}[0m\u{1b}[32mx: \u{1b}[0m\u{1b}[32m\u{1b}[1m\u{1b}[4m6,\u{1b}[0m",
        " y: 1,",
        "",
    ];
    assert_eq!(diff, expected.join("\n"));
}

/// Applies all diffs at once, as a user would who pipes them.
#[test]
fn patch_takes_the_diffs() {
    if Command::new("patch").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let long = numbered("line ", 40);
    let changed = long.replace("line 3\n", "line 3\nline 3a\n").replace("line 30\n", "");
    let files = [
        ("changed.ts", Some(long.as_str()), Some(changed.as_str())),
        ("crlf.ts", Some("1\r\n2\r\n3\r\n4"), Some("1\nzwei\n3\nvier\n")),
        ("end.ts", Some("1\n2"), Some("1\n2\n")),
        ("empty.ts", None, Some("")),
        ("gone.ts", Some("1\n"), None),
        ("in/a folder/new.ts", None, Some("1\n2")),
        ("odd\rname.ts", Some("a\rb\n\u{c}\nc\n"), Some("a\rb\n\u{c}\nd\n")),
    ];
    let mut diffs = String::new();
    for (name, old, new) in files {
        if let Some(old) = old {
            fs::write(folder.path().join(name), old).unwrap();
        }
        diffs += &unified_diff((&format!("a/{name}"), old), (&format!("b/{name}"), new), PLAIN);
    }
    let input = folder.path().join("diffs");
    fs::write(&input, diffs).unwrap();
    let patch = Command::new("patch")
        .args(["-p1", "--binary", "-i"])
        .arg(&input)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(patch.status.success(), "{}", String::from_utf8_lossy(&patch.stdout));
    for (name, old, new) in files.into_iter().filter(|(_, _, new)| *new != Some("")) {
        let patched = fs::read_to_string(folder.path().join(name)).ok();
        let is_crlf = old.is_some_and(|old| old.contains("\r\n"));
        let expected = new.map(|new| if is_crlf { new.replace('\n', "\r\n") } else { new.to_owned() });
        assert_eq!(patched, expected, "{name}");
    }
}
