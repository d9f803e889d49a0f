//! Differences as `diff -u` writes them.

use std::fmt::Write;

use similar::udiff::UnifiedHunkHeader;
use similar::{ChangeTag, InlineChange, TextDiff};

use super::diff_paint::DiffPaint;
use super::text_lines::{diff, lines, with_plain_endings};

const MISSING: &str = "/dev/null";
const NO_NEWLINE: &str = "\\ No newline at end of file";

/// How a diff looks.
#[derive(Debug, Clone, Copy)]
pub struct DiffStyle {
    /// Unchanged lines around a change.
    pub context: usize,
    /// Red and green, what has changed within a line bold and underlined.
    pub color: bool,
}

/// The diff of one file; empty if they are the same. Good for `patch` when it has no colour. `None` is a missing file.
///
/// New lines get the line endings of the old file, so that whoever applies the diff has one kind of them.
pub fn unified_diff(
    (old_name, old): (&str, Option<&str>),
    (new_name, new): (&str, Option<&str>),
    style: DiffStyle,
) -> String {
    let (old_text, new_text) = (old.unwrap_or_default(), new.unwrap_or_default());
    let (plain_old, plain_new) = (with_plain_endings(old_text), with_plain_endings(new_text));
    if old.is_some() == new.is_some() && plain_old == plain_new {
        return String::new();
    }
    let paint = DiffPaint::new(style.color);
    let mut text = String::new();
    for (sign, name, side) in [("---", old_name, old), ("+++", new_name, new)] {
        text += &paint.heading(&format!("{sign} {}", side.map_or(MISSING.to_owned(), |_| header_name(name))));
        text.push('\n');
    }
    let diff = diff(&plain_old, &plain_new);
    let originals =
        Originals { old: lines(old_text), new: lines(new_text), is_crlf: ends_lines_with_crlf(old_text) };
    for hunk in diff.grouped_ops(style.context).iter().filter(|hunk| !hunk.is_empty()) {
        text += &paint.place(&UnifiedHunkHeader::new(hunk).to_string());
        text.push('\n');
        for change in hunk.iter().flat_map(|part| changes(&diff, part, style.color)) {
            if style.color {
                text += &paint.line(&change);
            } else {
                // Writing to a String cannot fail.
                let _ = write!(text, "{}{}", change.tag(), originals.line(&change));
            }
            if change.missing_newline() {
                let _ = write!(text, "\n{NO_NEWLINE}\n");
            }
        }
    }
    text
}

/// The lines as they are in the files.
struct Originals<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    /// `None` if the old file has no line endings.
    is_crlf: Option<bool>,
}

impl Originals<'_> {
    fn line(&self, change: &InlineChange<'_, str>) -> String {
        let line = |lines: &[&str], index: Option<usize>| {
            index.and_then(|index| lines.get(index).copied()).unwrap_or_default().to_owned()
        };
        match (change.tag(), self.is_crlf) {
            (ChangeTag::Insert, Some(is_crlf)) => {
                let new = line(&self.new, change.new_index());
                let plain = with_plain_endings(&new);
                if is_crlf { plain.replace('\n', "\r\n") } else { plain.into_owned() }
            }
            (ChangeTag::Insert, None) => line(&self.new, change.new_index()),
            _ => line(&self.old, change.old_index()),
        }
    }
}

fn ends_lines_with_crlf(text: &str) -> Option<bool> {
    text.find('\n').map(|end| text[..end].ends_with('\r'))
}

/// What has changed within a line is looked for only if it is to be seen.
fn changes<'diff>(
    diff: &'diff TextDiff<'_, '_, str>,
    part: &similar::DiffOp,
    is_within_lines: bool,
) -> Vec<InlineChange<'diff, str>> {
    if is_within_lines {
        diff.iter_inline_changes(part).collect()
    } else {
        diff.iter_changes(part).map(InlineChange::from).collect()
    }
}

/// `patch` takes a name to end at its first blank, unless there is a tab behind it.
fn header_name(name: &str) -> String {
    if name.contains(char::is_whitespace) { format!("{name}\t") } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
