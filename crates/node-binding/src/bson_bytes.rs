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

/// A document for JavaScript to decode.
pub(crate) fn buffer(document: &Document) -> Result<Buffer> {
    let bytes = document.to_vec().map_err(|error| malformed(&error))?;
    Ok(bytes.into())
}

fn malformed(error: &impl std::fmt::Display) -> Error {
    Error::internal("a document crossed the bridge in a form that cannot be read").caused_by(error)
}
