//! What to call a BSON type in a message for people.

use bson::spec::ElementType;

/// The type's name with its article, such as "a string".
pub(crate) fn type_name(kind: ElementType) -> &'static str {
    match kind {
        ElementType::String | ElementType::Symbol => "a string",
        ElementType::Int32 | ElementType::Int64 | ElementType::Double => "a number",
        ElementType::Decimal128 => "a Decimal128",
        ElementType::Boolean => "a boolean",
        ElementType::EmbeddedDocument => "an object",
        ElementType::Array => "an array",
        ElementType::DateTime => "a Date",
        ElementType::Timestamp => "a Timestamp",
        ElementType::ObjectId => "an ObjectId",
        ElementType::Binary => "binary data",
        ElementType::RegularExpression => "a regular expression",
        ElementType::JavaScriptCode | ElementType::JavaScriptCodeWithScope => "a function",
        ElementType::Null | ElementType::Undefined => "null",
        ElementType::MinKey | ElementType::MaxKey | ElementType::DbPointer => "a value of an unusual type",
    }
}
