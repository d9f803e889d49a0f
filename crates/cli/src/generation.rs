//! From the user's files to a client on disk, and back.

mod apply_stage;
pub mod client_folder;
mod forwarded_file;
mod forwarding_package;
pub mod generate_client;
mod package_exports;
mod package_manifest;
mod restore_backup;
mod state_change;
#[cfg(test)]
pub(crate) mod test_project;
mod working_files;
