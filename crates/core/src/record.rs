//! Messages: what a producer hands in, how it is stored, what a handler gets.

mod bson_writer;
pub mod delivery_bytes;
mod element_bytes;
#[cfg(test)]
mod header_shape;
pub mod message;
pub mod record_layout;
#[cfg(test)]
mod round_trip;
mod stored_message;
pub(crate) mod type_name;
pub(crate) mod value_bytes;
