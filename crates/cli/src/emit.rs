//! Writes the client: JavaScript for both module systems, and declarations.

pub(crate) mod assembled_client;
mod client_entry;
mod client_names;
mod commonjs;
pub(crate) mod commonjs_limits;
mod declarations;
mod duplicate_exports;
mod entry_files;
mod import_problems;
mod javascript;
mod json_module;
mod known_types;
mod loosened_members;
mod loosening;
pub(crate) mod module_specifiers;
mod text_edits;
mod type_only_names;
mod untyped_exports;
