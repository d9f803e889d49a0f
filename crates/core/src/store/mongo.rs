//! The product: a MongoDB replica set. The only part of the crate that names the driver's client.

mod atomic_insert;
mod change_stream;
mod connection;
mod dead_letter_administration;
mod dead_letter_collection;
mod dead_letter_query;
mod deployment_identity;
mod group_collection;
mod joined_updates;
mod member_collection;
mod message_collection;
mod message_insert;
mod mongo_dead_letters;
mod mongo_error;
mod mongo_groups;
mod mongo_store;
mod mongo_transactions;
mod offset_collection;
mod processed_messages;
mod redrive_marks;
mod retention_index;
mod silence;
mod topic_collection;
mod transaction_sessions;
mod write_command;

pub use connection::MongoSettings;
pub use mongo_store::MongoStore;
