//! Paths without detours.

use std::path::{Component, Path, PathBuf};

/// Without `.` and `..`, by the text alone: links are not looked at.
pub(crate) fn plain_path(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detours_are_gone() {
        assert_eq!(plain_path(Path::new("/a/./b/../c")).to_str(), Some("/a/c"));
        assert_eq!(plain_path(Path::new("/../a/")).to_str(), Some("/a"));
    }
}
