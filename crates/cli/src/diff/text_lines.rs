//! Lines that are compared without their line endings, and kept with them.

use std::borrow::Cow;

use similar::TextDiff;

/// A text with `\n` at the ends of its lines.
pub(super) fn with_plain_endings(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

/// The lines of a text, endings and all. Only the last one may have none.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What differs between two texts with plain endings. That the last line has no ending counts.
pub(super) fn diff<'a>(old: &'a str, new: &'a str) -> TextDiff<'a, 'a, str> {
    TextDiff::configure().diff_slices(&lines(old), &lines(new))
}
