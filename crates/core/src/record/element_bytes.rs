//! The top-level elements of a document, each with the bytes it takes, so that they can be copied unread.

use std::ops::Range;

use bson::RawDocument;
use bson::error::Result;
use bson::raw::RawElement;

/// One element of a document.
pub(crate) struct ElementBytes<'a> {
    /// Name and value, read on demand.
    pub(crate) element: RawElement<'a>,
    /// Where the element lies in the document: type, name and value.
    pub(crate) whole: Range<usize>,
    /// The bytes of the value.
    pub(crate) value: &'a [u8],
}

impl<'a> ElementBytes<'a> {
    pub(crate) fn name(&self) -> &'a str {
        self.element.key().as_str()
    }
}

/// Walks over a document. Ends after the first error.
pub(crate) fn elements(document: &RawDocument) -> impl Iterator<Item = Result<ElementBytes<'_>>> {
    let bytes = document.as_bytes();
    let mut start = size_of::<i32>();
    document.iter_elements().map(move |element| {
        let element = element?;
        let value_start = start + 1 + element.key().len() + 1;
        let end = value_start + element.size();
        let whole = start..end;
        start = end;
        Ok(ElementBytes { element, whole, value: &bytes[value_start..end] })
    })
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    #[test]
    fn finds_the_bytes_of_each_element() {
        let document = rawdoc! { "a": 1, "text": "x", "none": bson::RawBson::Null };
        let found: Vec<_> = elements(&document).map(Result::unwrap).collect();
        assert_eq!(found.iter().map(ElementBytes::name).collect::<Vec<_>>(), ["a", "text", "none"]);
        assert_eq!(found[0].value, [1, 0, 0, 0]);
        assert_eq!(&document.as_bytes()[found[1].whole.clone()], b"\x02text\0\x02\0\0\0x\0");
        assert_eq!(found[2].value, b"");
        assert_eq!(found[2].whole.end, document.as_bytes().len() - 1);
    }
}
