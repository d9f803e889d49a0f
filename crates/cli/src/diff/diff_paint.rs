//! The colours of a diff.

use console::Style;
use similar::{ChangeTag, InlineChange};

/// Paints, or does not.
#[derive(Debug)]
pub(super) struct DiffPaint {
    heading: Style,
    place: Style,
    old: Style,
    new: Style,
    same: Style,
}

impl DiffPaint {
    /// Whether there is a terminal was decided before.
    pub(super) fn new(is_colored: bool) -> Self {
        let style = Style::new().force_styling(is_colored);
        Self {
            heading: style.clone().bold(),
            place: style.clone().cyan(),
            old: style.clone().red(),
            new: style.clone().green(),
            same: style,
        }
    }

    /// The name of a file.
    pub(super) fn heading(&self, text: &str) -> String {
        self.heading.apply_to(text).to_string()
    }

    /// Where in the files something is.
    pub(super) fn place(&self, text: &str) -> String {
        self.place.apply_to(text).to_string()
    }

    /// A line with its sign; the words that make the difference stand out. Its ending stays unpainted.
    pub(super) fn line(&self, change: &InlineChange<'_, str>) -> String {
        let style = match change.tag() {
            ChangeTag::Equal => &self.same,
            ChangeTag::Delete => &self.old,
            ChangeTag::Insert => &self.new,
        };
        let mut line = style.apply_to(change.tag()).to_string();
        for (stands_out, text) in change.values() {
            let (text, ending) = text.strip_suffix('\n').map_or((*text, ""), |text| (text, "\n"));
            if !text.is_empty() {
                let style = if *stands_out { style.clone().bold().underlined() } else { style.clone() };
                line += &style.apply_to(text).to_string();
            }
            line += ending;
        }
        line
    }
}
