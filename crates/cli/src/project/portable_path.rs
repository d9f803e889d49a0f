//! Paths from one folder to another, as they are written into files: with `/` on every system.

use std::path::{Component, Path, PathBuf};

/// The way from one folder to another, `../../a/b`. Both are real paths. `None` if there is none, as between the
/// drives of Windows, or if it is no text.
pub(crate) fn relative(from: &Path, to: &Path) -> Option<String> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let up = vec!["..".to_owned(); from.len() - shared];
    let down = to[shared..].iter().map(|component| match component {
        Component::Normal(name) => name.to_str().map(ToOwned::to_owned),
        _ => None,
    });
    let parts = up.into_iter().map(Some).chain(down).collect::<Option<Vec<_>>>()?;
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Where such a way leads from a folder, whose path is real.
pub(crate) fn follow(from: &Path, relative: &str) -> PathBuf {
    let mut path = from.to_path_buf();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_where_it_should() {
        for (from, to, way) in [
            ("/a/b/c", "/a/d", "../../d"),
            ("/a", "/a/b/c", "b/c"),
            ("/a/b", "/a", ".."),
            ("/a", "/b", "../b"),
            ("/a", "/a", "."),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)).as_deref(), Some(way));
            assert_eq!(follow(Path::new(from), way), Path::new(to));
        }
    }
}
