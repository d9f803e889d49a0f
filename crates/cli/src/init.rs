//! What `init` writes and edits. Decisions only, but for [`kept_copy`] and [`init_root`].

pub(crate) mod dependencies;
pub(crate) mod file_edit;
pub(crate) mod gitignore;
pub(crate) mod init_root;
pub(crate) mod kept_copy;
pub(crate) mod package_scripts;
pub(crate) mod templates;
pub(crate) mod tsconfig_chain;
pub(crate) mod tsconfig_exclude;
