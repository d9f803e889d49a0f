//! A BSON value as its type and its bytes, which is what copying it elsewhere takes.

use std::borrow::Cow;

use bson::raw::cstr;
use bson::spec::ElementType;
use bson::{RawBsonRef, RawDocumentBuf};

/// The bytes of a value as they follow its name in a document. Borrowed for documents and arrays, which are what
/// can be large.
pub(crate) fn value_bytes(value: RawBsonRef<'_>) -> (ElementType, Cow<'_, [u8]>) {
    let bytes = match value {
        RawBsonRef::Document(document) => Cow::Borrowed(document.as_bytes()),
        RawBsonRef::Array(array) => Cow::Borrowed(array.as_bytes()),
        scalar => {
            let mut document = RawDocumentBuf::new();
            document.append(cstr!(""), scalar);
            let mut bytes = document.into_bytes();
            bytes.pop();
            bytes.drain(..VALUE_OFFSET);
            Cow::Owned(bytes)
        }
    };
    (value.element_type(), bytes)
}

/// Length of the document, type of the element, end of its empty name.
const VALUE_OFFSET: usize = 4 + 1 + 1;

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    #[test]
    fn gives_the_bytes_of_any_value() {
        assert_eq!(value_bytes(RawBsonRef::Int32(7)), (ElementType::Int32, Cow::Owned(vec![7, 0, 0, 0])));
        assert_eq!(
            value_bytes(RawBsonRef::String("é")),
            (ElementType::String, Cow::Owned(b"\x03\0\0\0\xc3\xa9\0".to_vec()))
        );
        assert_eq!(value_bytes(RawBsonRef::Null), (ElementType::Null, Cow::Owned(vec![])));
        let document = rawdoc! { "a": 1 };
        assert_eq!(value_bytes(RawBsonRef::Document(&document)).1, document.as_bytes());
    }
}
