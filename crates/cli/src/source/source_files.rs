//! The files that a client is generated from: those of a project, or a copy of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::module_path::ModulePath;

/// A copy of all files that a client was generated from.
pub type SourceFiles = BTreeMap<ModulePath, String>;

/// Gives the text of source files.
pub trait ReadSources: Sync {
    /// The text of a file; `None` if there is no such file.
    fn read(&self, path: &ModulePath) -> io::Result<Option<String>>;
}

/// A project's `change-stream/`, and whatever its files import.
#[derive(Debug, Clone)]
pub struct ChangeStreamFolder(pub PathBuf);

impl ReadSources for ChangeStreamFolder {
    fn read(&self, path: &ModulePath) -> io::Result<Option<String>> {
        let file = path.on_disk(&self.0);
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // An import may name a folder, whose index is meant, or a file as if it were a folder.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
            Err(_) if file.is_dir() => Ok(None),
            Err(error) => Err(io::Error::new(error.kind(), format!("cannot read {path}: {error}"))),
        }
    }
}

impl ReadSources for SourceFiles {
    fn read(&self, path: &ModulePath) -> io::Result<Option<String>> {
        Ok(self.get(path).cloned())
    }
}
