//! BSON documents in and out of Buffers.

use bson::{Document, RawDocument};
use csb_core::error::{Error, Result};
use napi::bindgen_prelude::Buffer;

/// A document that JavaScript encoded.
pub(crate) fn document(bytes: &[u8]) -> Result<Document> {
    let raw = raw_document(bytes)?;
    Document::try_from(raw).map_err(|error| malformed(&error))
}

/// A document that JavaScript encoded, without decoding it.
pub(crate) fn raw_document(bytes: &[u8]) -> Result<&RawDocument> {
    RawDocument::from_bytes(bytes).map_err(|error| malformed(&error))
}

/// Documents that stand one behind the other. Ends with the first that is broken.
pub(crate) fn raw_documents(mut bytes: &[u8]) -> impl Iterator<Item = Result<&RawDocument>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let document = leading_document(bytes);
        bytes = document.as_ref().map_or(&[], |document| &bytes[document.as_bytes().len()..]);
        Some(document)
    })
}

fn leading_document(bytes: &[u8]) -> Result<&RawDocument> {
    let length = bytes.first_chunk().map(|prefix| i32::from_le_bytes(*prefix));
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    raw_document(bytes.get(..length).unwrap_or(bytes))
}

/// A document for JavaScript to decode.
pub(crate) fn buffer(document: &Document) -> Result<Buffer> {
    let bytes = document.to_vec().map_err(|error| malformed(&error))?;
    Ok(bytes.into())
}

fn malformed(error: &impl std::fmt::Display) -> Error {
    Error::internal("a document crossed the bridge in a form that cannot be read").caused_by(error)
}
