//! What was generated before.

mod backup_meta;
mod backup_name;
mod backups;
pub mod history_folder;
mod stored_sources;
