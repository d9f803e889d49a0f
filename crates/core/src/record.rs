//! Messages: what a producer hands in, how it is stored, what a handler gets.

pub(crate) mod bson_writer;
pub mod delivery_bytes;
pub(crate) mod element_bytes;
#[cfg(test)]
mod header_shape;
pub mod letter_bytes;
pub mod message;
pub(crate) mod message_id_text;
mod record_json;
pub mod record_layout;
#[cfg(test)]
mod round_trip;
mod stored_message;
pub(crate) mod type_name;
pub(crate) mod value_bytes;
