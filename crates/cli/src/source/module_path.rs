//! Where a source file is, seen from `change-stream/`.

use std::fmt;
use std::path::{Path, PathBuf};

/// The folder in which the user's files are.
pub const CHANGE_STREAM: &str = "change-stream";
const EXTENSIONS: [&str; 7] = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"];
/// Stands for `..`, so that a copy of all files of a project fits below one folder.
const UP: &str = "_up";

/// Path of a source file relative to `change-stream/`, its parts joined by `/`, with `_up` for each `..` at its beginning:
/// `config.ts`, `topics/names.ts`, `_up/src/days.ts`. The name of its copy in the stage, and, with another extension, of
/// what is generated from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(String);

impl ModulePath {
    /// The broker's configuration.
    pub fn config() -> Self {
        Self("config.ts".to_owned())
    }

    /// The payload types.
    pub fn schema() -> Self {
        Self("message-payload.schema.ts".to_owned())
    }

    /// A path that was stored. `None` unless it is one that [`ModulePath::as_str`] can give.
    pub fn parse(path: &str) -> Option<Self> {
        let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
        let (_, below) = split_ups(path);
        (!below.is_empty() && below.split('/').all(is_plain)).then(|| Self(path.to_owned()))
    }

    /// The file that a relative import names, as it is written there (`./names`, `../src/days.js`), extension and all.
    /// `None` if it has no name.
    pub fn join(&self, specifier: &str) -> Option<Self> {
        let (ups, below) = split_ups(&self.0);
        let mut ups = ups;
        let mut parts: Vec<&str> = without_escape(below).split('/').collect();
        parts.pop();
        for part in specifier.split('/') {
            match part {
                ".." if parts.pop().is_none() => ups += 1,
                "" | "." | ".." => {}
                part => parts.push(part),
            }
        }
        let (first, others) = parts.split_first()?;
        let first = if is_like_up(first) { format!("_{first}") } else { (*first).to_owned() };
        let parts = std::iter::once(first.as_str()).chain(others.iter().copied());
        let path = vec![UP; ups].into_iter().chain(parts).collect::<Vec<_>>().join("/");
        Some(Self(path))
    }

    /// The same with something behind it, such as an extension.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}{suffix}", self.0))
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its extension `.ts`, `.mts`, `.cts`, `.js`, `.mjs`, `.cjs` or `.json`.
    pub fn stem(&self) -> &str {
        let name = self.0.rfind('/').map_or(0, |at| at + 1);
        match self.0.rfind('.') {
            Some(dot) if dot > name && EXTENSIONS.contains(&&self.0[dot..]) => &self.0[..dot],
            _ => &self.0,
        }
    }

    /// The beginning of the names of what is generated from it: without the extension `.ts`. Files of other kinds keep
    /// theirs, so that they can stand beside each other.
    pub fn client_stem(&self) -> &str {
        let stem = self.0.strip_suffix(".d.ts").or_else(|| self.0.strip_suffix(".ts"));
        stem.filter(|stem| !stem.is_empty() && !stem.ends_with('/')).unwrap_or(&self.0)
    }

    /// The file with the JavaScript that a declaration file describes.
    pub fn described(&self) -> Option<Self> {
        let endings = [(".d.ts", ".js"), (".d.mts", ".mjs"), (".d.cts", ".cjs")];
        endings.iter().find_map(|(ending, instead)| {
            self.0.strip_suffix(ending).map(|stem| Self(format!("{stem}{instead}")))
        })
    }

    /// Whether its name ends with a dot and this.
    pub fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.0).extension().is_some_and(|own| own == extension)
    }

    /// How many folders it is below the top of the copies.
    pub fn depth(&self) -> usize {
        self.0.matches('/').count()
    }

    /// The file on disk.
    pub fn on_disk(&self, change_stream: &Path) -> PathBuf {
        let (ups, below) = split_ups(&self.0);
        // Textually, because change-stream/ may be a link.
        let mut path = change_stream.to_path_buf();
        for _ in 0..ups {
            if !path.pop() {
                path.push("..");
            }
        }
        path.extend(without_escape(below).split('/'));
        path
    }
}

/// As people know it, from the project's root: `change-stream/config.ts`, `src/days.ts`, `../shared/days.ts`.
impl fmt::Display for ModulePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ups, below) = split_ups(&self.0);
        let below = without_escape(below);
        match ups {
            0 => write!(formatter, "{CHANGE_STREAM}/{below}"),
            ups => write!(formatter, "{}{below}", "../".repeat(ups - 1)),
        }
    }
}

/// Whether a folder of the user's has a name that would be taken for [`UP`], or for one that was changed because of that.
fn is_like_up(part: &str) -> bool {
    part.ends_with(UP) && part.trim_start_matches('_') == "up"
}

/// The user's own name for the first folder.
fn without_escape(below: &str) -> &str {
    let first = below.split('/').next().unwrap_or_default();
    if is_like_up(first) { &below[1..] } else { below }
}

fn split_ups(path: &str) -> (usize, &str) {
    let mut ups = 0;
    let mut below = path;
    while let Some(rest) = below.strip_prefix(UP).and_then(|rest| rest.strip_prefix('/')) {
        (ups, below) = (ups + 1, rest);
    }
    (ups, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> ModulePath {
        ModulePath::parse(path).unwrap()
    }

    #[test]
    fn imports_lead_anywhere() {
        let config = ModulePath::config();
        let joined = |from: &ModulePath, specifier| from.join(specifier).map(|path| path.as_str().to_owned());
        assert_eq!(joined(&config, "./names").unwrap(), "names");
        assert_eq!(joined(&config, "../src/days.js").unwrap(), "_up/src/days.js");
        assert_eq!(joined(&config, "../../shared/a").unwrap(), "_up/_up/shared/a");
        assert_eq!(
            joined(&path("_up/src/days.ts"), "../change-stream/names").unwrap(),
            "_up/change-stream/names"
        );
        assert_eq!(joined(&path("topics/names.ts"), "../a/./b//c").unwrap(), "a/b/c");
        assert_eq!(joined(&config, ".."), None);
    }

    #[test]
    fn people_see_paths_from_the_root() {
        assert_eq!(ModulePath::config().to_string(), "change-stream/config.ts");
        assert_eq!(path("_up/src/days.ts").to_string(), "src/days.ts");
        assert_eq!(path("_up/_up/shared/a.ts").to_string(), "../shared/a.ts");
        assert_eq!(
            path("_up/src/days.ts").on_disk(Path::new("/p/change-stream")),
            Path::new("/p/src/days.ts")
        );
    }

    #[test]
    fn a_folder_may_have_the_name_of_the_mark() {
        let config = ModulePath::config();
        for (specifier, stored) in
            [("./_up/a.ts", "__up/a.ts"), ("./__up/a.ts", "___up/a.ts"), ("../_up/a.ts", "_up/__up/a.ts")]
        {
            let path = config.join(specifier).unwrap();
            assert_eq!(path.as_str(), stored);
            assert_eq!(ModulePath::parse(stored).unwrap(), path);
            let file = Path::new("/p/change-stream").join(specifier);
            assert_eq!(path.on_disk(Path::new("/p/change-stream")), without_dots(&file));
            assert_eq!(path.join("./b.ts").unwrap().as_str(), stored.replace("a.ts", "b.ts"));
        }
        assert_eq!(config.join("./_up/a.ts").unwrap().to_string(), "change-stream/_up/a.ts");
        assert_eq!(path("cleanup/a.ts").as_str(), "cleanup/a.ts");
    }

    fn without_dots(path: &Path) -> PathBuf {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir => drop(plain.pop()),
                part => plain.push(part),
            }
        }
        plain
    }

    #[test]
    fn a_stem_has_no_extension() {
        assert_eq!(path("message-payload.schema.ts").stem(), "message-payload.schema");
        assert_eq!(path("a.b/c").stem(), "a.b/c");
        assert_eq!(path(".ts").stem(), ".ts");
        for (file, stem) in
            [("a.b/c", "a.b/c"), ("a/types.d.ts", "a/types"), (".ts", ".ts"), ("config.ts", "config")]
        {
            assert_eq!(path(file).client_stem(), stem);
        }
        for other in ["names.json", "names.mts", "names.cjs", "names.d.mts"] {
            assert_eq!(path(other).client_stem(), other);
        }
    }

    #[test]
    fn declarations_describe_javascript() {
        let described = |file: &str| path(file).described().map(|path| path.as_str().to_owned());
        assert_eq!(described("a/names.d.ts").unwrap(), "a/names.js");
        assert_eq!(described("names.d.mts").unwrap(), "names.mjs");
        assert_eq!(described("names.ts"), None);
    }

    #[test]
    fn stored_paths_stay_below_their_folder() {
        for bad in ["", "/etc/passwd", "../a", "a/../b", "_up/", "a//b", "a\\b", "_up/.."] {
            assert_eq!(ModulePath::parse(bad), None, "{bad}");
        }
    }
}
