//! The user's project around the sources: folders, packages, environment.

pub(crate) mod broker_package;
pub mod environment;
pub(crate) mod folder_files;
pub mod installation;
pub(crate) mod named_error;
mod plug_and_play;
pub(crate) mod portable_path;
pub mod project_folder;
pub(crate) mod user_file;
pub(crate) mod whole_folder;
