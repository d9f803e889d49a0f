//! Changes in a text at places that are known by their offsets.

use oxc::span::Span;

/// Replacements that do not overlap, in any order.
#[derive(Debug, Default)]
pub(crate) struct TextEdits(Vec<(Span, String)>);

impl TextEdits {
    pub(crate) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span, text.into()));
    }

    pub(crate) fn insert(&mut self, offset: u32, text: impl Into<String>) {
        self.replace(Span::new(offset, offset), text);
    }

    /// The text with everything replaced. What lies within something that was replaced already is left out.
    pub(crate) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(span, _)| (span.start, span.end));
        let mut result = String::with_capacity(text.len() + 64 * self.0.len());
        let mut done = 0;
        for (span, replacement) in self.0 {
            let Some(kept) = text.get(done..span.start as usize) else { continue };
            result.push_str(kept);
            result.push_str(&replacement);
            done = span.end as usize;
        }
        result.push_str(text.get(done..).unwrap_or_default());
        result
    }
}
