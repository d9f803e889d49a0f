//! Reads what the user has written.

pub mod diagnostic;
pub(crate) mod import_resolution;
pub(crate) mod importable_packages;
pub(crate) mod module_graph;
pub mod module_path;
pub(crate) mod node_walk;
pub mod source_files;
