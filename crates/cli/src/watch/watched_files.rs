//! The files that matter: all of `change-stream/`, and what its files import from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use notify::RecursiveMode;

use crate::project::project_folder::Project;
use crate::source::source_files::SourceFiles;

/// The files that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WatchedFiles {
    root: PathBuf,
    /// By the name that the user knows and by its real one, which some systems announce.
    change_stream: Vec<PathBuf>,
    /// Files elsewhere that are imported, or would be if they were there; as they are named, with and without extension.
    outside: BTreeSet<PathBuf>,
}

impl WatchedFiles {
    /// A project's files, when `sources` are those that can be read.
    pub(super) fn of(project: &Project, sources: &SourceFiles) -> Self {
        let folder = project.change_stream();
        let mentioned =
            sources.iter().flat_map(|(path, text)| relative_names(text).filter_map(|name| path.join(name)));
        let outside = sources.keys().cloned().chain(mentioned).map(|path| path.on_disk(&folder));
        let real = fs::canonicalize(&folder).ok().filter(|real| *real != folder);
        Self {
            root: project.root.clone(),
            outside: outside.filter(|file| !file.starts_with(&folder)).flat_map(names_of).collect(),
            change_stream: std::iter::once(folder).chain(real).collect(),
        }
    }

    /// Whether this may be one of the files.
    pub(super) fn has(&self, path: &Path) -> bool {
        let is_outside = |path: &Path| self.outside.contains(path);
        let is_index = path.file_stem().is_some_and(|stem| stem == "index");
        is_outside(path)
            || is_outside(&path.with_extension(""))
            || (is_index && path.parent().is_some_and(is_outside))
            || self.change_stream.iter().any(|folder| path.starts_with(folder))
    }

    /// Whether one of the files is in this folder, or is to be.
    pub(super) fn is_folder_of_some(&self, path: &Path) -> bool {
        let is_in = |file: &PathBuf| file.starts_with(path);
        self.change_stream.iter().any(is_in) || self.outside.iter().any(is_in)
    }

    /// The folders to watch. Those that are not there are seen to come from above.
    pub(super) fn folders(&self) -> BTreeMap<PathBuf, RecursiveMode> {
        let mut folders = BTreeMap::from([(self.root.clone(), RecursiveMode::NonRecursive)]);
        for file in &self.outside {
            // A folder may be what is imported: its index.
            if let Some(folder) = file.ancestors().find(|folder| folder.is_dir()) {
                folders.insert(folder.to_path_buf(), RecursiveMode::NonRecursive);
            }
        }
        for folder in self.change_stream.iter().take(1).filter(|folder| folder.is_dir()) {
            folders.insert(folder.clone(), RecursiveMode::Recursive);
        }
        folders
    }
}

/// Texts in quotes that begin as relative imports do. Some are none, which does no harm.
fn relative_names(text: &str) -> impl Iterator<Item = &str> {
    const QUOTES: [char; 2] = ['\'', '"'];
    text.match_indices(QUOTES)
        .filter_map(|(at, quote)| {
            let rest = &text[at + quote.len()..];
            rest.find(QUOTES).map(|end| &rest[..end])
        })
        .filter(|name| name.starts_with("./") || name.starts_with("../"))
}

/// The names under which events may tell of an imported file.
fn names_of(file: PathBuf) -> Vec<PathBuf> {
    let real = fs::canonicalize(&file).ok();
    // `./days.js` stands for days.ts, too.
    let bare = file.with_extension("");
    [real, Some(bare), Some(file)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::module_path::ModulePath;

    fn files(root: &Path, config: &str) -> WatchedFiles {
        let sources = SourceFiles::from([(ModulePath::config(), config.to_owned())]);
        WatchedFiles::of(&Project { root: root.to_path_buf() }, &sources)
    }

    #[test]
    fn imports_are_known_before_there_is_such_a_file() {
        let config =
            "import { DAY } from '../src/days.js'\nimport x from \"../topics\"\nimport y from './names'\n";
        let files = files(Path::new("/p"), config);
        for there in ["src/days.ts", "src/days.js", "topics.ts", "topics/index.ts", "change-stream/x"] {
            assert!(files.has(&Path::new("/p").join(there)), "{there}");
        }
        for elsewhere in ["src/other.ts", "topics/other.ts", "names.ts", "index.ts"] {
            assert!(!files.has(&Path::new("/p").join(elsewhere)), "{elsewhere}");
        }
    }

    #[test]
    fn what_is_not_there_is_awaited_above() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let files = files(root, "import { DAY } from '../src/topics/days'\n");
        fs::create_dir_all(root.join("src")).unwrap();
        assert_eq!(files.folders().keys().collect::<Vec<_>>(), [root, &root.join("src")]);
        fs::create_dir_all(root.join("src/topics")).unwrap();
        fs::create_dir_all(root.join("change-stream")).unwrap();
        let folders = files.folders();
        assert_eq!(folders.get(&root.join("change-stream")), Some(&RecursiveMode::Recursive));
        assert_eq!(folders.get(&root.join("src/topics")), Some(&RecursiveMode::NonRecursive));
    }
}
