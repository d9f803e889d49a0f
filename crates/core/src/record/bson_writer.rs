//! Writes BSON straight into one buffer, where values are copied as bytes.

use bson::spec::ElementType;

/// Where a document begins that has not been closed yet.
#[must_use]
pub(crate) struct OpenDocument(usize);

/// A growing buffer of BSON.
pub(crate) struct BsonWriter(Vec<u8>);

impl BsonWriter {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Begins the outermost document.
    pub(crate) fn open_root(&mut self) -> OpenDocument {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; size_of::<i32>()]);
        OpenDocument(start)
    }

    /// Begins a document or an array inside the one that is open.
    pub(crate) fn open(&mut self, kind: ElementType, name: &str) -> OpenDocument {
        self.name(kind, name);
        self.open_root()
    }

    /// Ends a document and fills in its length.
    pub(crate) fn close(&mut self, OpenDocument(start): OpenDocument) {
        self.0.push(0);
        let length = length_prefix(self.0.len() - start);
        self.0[start..start + length.len()].copy_from_slice(&length);
    }

    /// An element whose value is there as bytes.
    pub(crate) fn element(&mut self, kind: ElementType, name: &str, value: &[u8]) {
        self.name(kind, name);
        self.bytes(value);
    }

    pub(crate) fn string(&mut self, name: &str, text: &str) {
        self.string_bytes(name, text.as_bytes());
    }

    /// The same for text that is there as UTF-8.
    pub(crate) fn string_bytes(&mut self, name: &str, text: &[u8]) {
        self.name(ElementType::String, name);
        self.bytes(&length_prefix(text.len() + 1));
        self.bytes(text);
        self.0.push(0);
    }

    pub(crate) fn optional_string(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.string(name, text),
            None => self.name(ElementType::Null, name),
        }
    }

    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.element(ElementType::Boolean, name, &[u8::from(value)]);
    }

    /// Numbers up to `u32` as int32, which is how JavaScript writes those that occur here.
    pub(crate) fn int32(&mut self, name: &str, number: u32) {
        self.element(ElementType::Int32, name, &i32::try_from(number).unwrap_or(i32::MAX).to_le_bytes());
    }

    /// Type and name of an element; its value is to follow.
    pub(crate) fn name(&mut self, kind: ElementType, name: &str) {
        self.0.push(kind as u8);
        self.bytes(name.as_bytes());
        self.0.push(0);
    }

    /// The buffer itself, for a value that follows its name.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Whole elements, or a part of one.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A length as BSON writes it. A reader refuses the document if it is longer than BSON can be.
pub(super) fn length_prefix(length: usize) -> [u8; size_of::<i32>()] {
    i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use bson::{RawDocument, rawdoc};

    use super::*;

    #[test]
    fn writes_what_a_reader_reads() {
        let mut out = BsonWriter::with_capacity(0);
        let root = out.open_root();
        out.int32("n", 7);
        out.string("text", "é\0");
        out.optional_string("none", None);
        let array = out.open(ElementType::Array, "list");
        let member = out.open(ElementType::EmbeddedDocument, "0");
        out.close(member);
        out.element(ElementType::Boolean, "1", &[1]);
        out.close(array);
        out.close(root);
        let bytes = out.into_bytes();
        let expected = rawdoc! { "n": 7, "text": "é\0", "none": null, "list": [{}, true] };
        assert_eq!(RawDocument::from_bytes(&bytes).unwrap(), &*expected);
    }
}
