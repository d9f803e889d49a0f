//! Keeps stage and backups out of Git. They ignore themselves, too, but who looks for a reason looks here.

use super::file_edit::FileEdit;

const LINE: &str = ".csbroker/";

/// What is to be done about `.gitignore`; `None` if there is none.
pub(crate) fn ignore_state_folder(text: Option<&str>) -> FileEdit {
    let text = text.unwrap_or_default();
    let is_it = |line: &str| {
        matches!(line.trim(), ".csbroker" | ".csbroker/" | "/.csbroker" | "/.csbroker/" | "**/.csbroker")
    };
    if text.lines().any(is_it) {
        return FileEdit::NotNeeded;
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    FileEdit::Proposed {
        text: format!("{text}{gap}{LINE}{end}"),
        question: format!("add {LINE}"),
        done: format!("{LINE} added"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: Option<&str>) -> String {
        match ignore_state_folder(old) {
            FileEdit::Proposed { text, .. } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_line_is_added_once() {
        assert_eq!(text(None), ".csbroker/\n");
        assert_eq!(text(Some("dist")), "dist\n.csbroker/\n");
        assert_eq!(text(Some("dist\r\n")), "dist\r\n.csbroker/\r\n");
        assert_eq!(ignore_state_folder(Some("/dist\n/.csbroker \n")), FileEdit::NotNeeded);
    }
}
