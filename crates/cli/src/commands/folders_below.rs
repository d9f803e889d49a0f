//! Looks for projects below a folder, such as the services of a monorepo.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::module_path::CHANGE_STREAM;

const DEPTH: usize = 4;
const FOLDERS_LOOKED_INTO: usize = 2_000;
const SUGGESTIONS: usize = 5;
const PASSED_OVER: [&str; 5] = ["node_modules", "dist", "build", "coverage", "target"];

/// Folders below `top` that have a `change-stream/`, the nearest first, seen from `top`. A few, not all.
pub(crate) fn projects_below(top: &Path) -> Vec<PathBuf> {
    let mut found = all_below(top);
    found.truncate(SUGGESTIONS);
    found
}

/// Enough of them.
fn all_below(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut level = vec![PathBuf::new()];
    let mut looked_into = 0;
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for folder in level {
            looked_into += 1;
            if looked_into > FOLDERS_LOOKED_INTO || found.len() >= SUGGESTIONS {
                return found;
            }
            for below in folders_in(top, &folder) {
                if top.join(&below).join(CHANGE_STREAM).is_dir() {
                    found.push(below.clone());
                }
                next.push(below);
            }
        }
        level = next;
    }
    found
}

/// The folders in `top`/`folder` that may belong to the user, by name. Links are not followed.
fn folders_in(top: &Path, folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(top.join(folder)) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        .filter(|name| {
            !name.to_string_lossy().starts_with('.') && !PASSED_OVER.iter().any(|passed| name == *passed)
        })
        .map(|name| folder.join(name))
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_services_and_not_packages() {
        let top = tempfile::tempdir().unwrap();
        for folder in
            ["services/orders", "services/billing", "node_modules/x", ".cache/y", "a/b/c/d/e", "near"]
        {
            fs::create_dir_all(top.path().join(folder).join(CHANGE_STREAM)).unwrap();
        }
        let found = projects_below(top.path());
        assert_eq!(found, ["near", "services/billing", "services/orders"].map(PathBuf::from));
    }

    #[test]
    fn gives_a_few() {
        let top = tempfile::tempdir().unwrap();
        for number in 0..20 {
            fs::create_dir_all(top.path().join(format!("service-{number}")).join(CHANGE_STREAM)).unwrap();
        }
        assert_eq!(projects_below(top.path()).len(), SUGGESTIONS);
        assert_eq!(projects_below(&top.path().join("missing")), Vec::<PathBuf>::new());
    }
}
