//! A tsconfig file and those that it extends.

use std::path::{Path, PathBuf};

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstNode, CstObject, CstRootNode};

use super::package_scripts::split_byte_order_mark;
use crate::plain_path::plain_path;

/// No chain is longer, unless it runs in a circle.
const LONGEST_CHAIN: usize = 20;

/// Gives the text of a file, if there is one.
pub(crate) type ReadText<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// What matters of one tsconfig file here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TsconfigPart {
    /// The folder of the file.
    pub(crate) folder: PathBuf,
    pub(crate) has_include: bool,
    pub(crate) has_root_dir: bool,
    pub(crate) exclude: Option<Vec<String>>,
    pub(crate) out_dir: Option<String>,
}

/// What a file extends, in the order in which it counts: the nearest first. `Err` names what cannot be read.
pub(crate) fn extended_parts(
    file: &Path,
    root: &CstRootNode,
    read: ReadText<'_>,
) -> Result<Vec<TsconfigPart>, String> {
    let mut parts = Vec::new();
    let mut ahead = extended_files(file, root, read)?;
    while let Some(file) = ahead.pop() {
        if parts.len() == LONGEST_CHAIN {
            return Err("too many files".to_owned());
        }
        let name = file.display().to_string();
        let text = read(&file).ok_or_else(|| name.clone())?;
        let root = parse(&text).map_err(|_| name)?;
        parts.push(part(&file, &root));
        ahead.extend(extended_files(&file, &root, read)?);
    }
    Ok(parts)
}

/// Parses a file that may have comments.
pub(crate) fn parse(text: &str) -> Result<CstRootNode, String> {
    let (_, json) = split_byte_order_mark(text);
    CstRootNode::parse(json, &ParseOptions::default()).map_err(|error| error.to_string())
}

/// What matters of a file.
pub(crate) fn part(file: &Path, root: &CstRootNode) -> TsconfigPart {
    let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
    let Some(config) = root.object_value() else {
        return TsconfigPart { folder, ..TsconfigPart::default() };
    };
    let compiler = config.object_value("compilerOptions");
    let option = |name| compiler.as_ref().and_then(|options| text_of(options, name));
    TsconfigPart {
        folder,
        has_include: config.get("include").is_some() || config.get("files").is_some(),
        has_root_dir: option("rootDir").is_some(),
        exclude: config.array_value("exclude").map(|exclude| texts(&exclude)),
        out_dir: option("outDir"),
    }
}

/// The files after `extends`, so that the last of them, which counts first, is taken first from the end.
fn extended_files(file: &Path, root: &CstRootNode, read: ReadText<'_>) -> Result<Vec<PathBuf>, String> {
    let Some(extends) = root.object_value().and_then(|config| config.get("extends")?.value()) else {
        return Ok(Vec::new());
    };
    let names = match extends.as_array() {
        Some(array) => texts(&array),
        None => text(&extends).into_iter().collect(),
    };
    names.iter().map(|name| extended_file(file, name, read).ok_or_else(|| name.clone())).collect()
}

/// As TypeScript looks for it: a path, or a file of a package.
fn extended_file(file: &Path, name: &str, read: ReadText<'_>) -> Option<PathBuf> {
    let folder = file.parent()?;
    let is_path = name.starts_with('.') || Path::new(name).is_absolute();
    let places: Vec<PathBuf> = if is_path {
        vec![plain_path(&folder.join(name))]
    } else {
        folder.ancestors().map(|folder| folder.join("node_modules").join(name)).collect()
    };
    places.into_iter().find_map(|place| {
        let with_extension = PathBuf::from(format!("{}.json", place.display()));
        [place.clone(), with_extension, place.join("tsconfig.json")]
            .into_iter()
            .find(|path| read(path).is_some())
    })
}

fn text_of(object: &CstObject, name: &str) -> Option<String> {
    text(&object.get(name)?.value()?)
}

fn text(node: &CstNode) -> Option<String> {
    node.as_string_lit()?.decoded_value().ok()
}

fn texts(array: &CstArray) -> Vec<String> {
    array.elements().iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(files: &[(&str, &str)]) -> Result<Vec<TsconfigPart>, String> {
        let read = |path: &Path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        };
        let (file, text) = files[0];
        extended_parts(Path::new(file), &parse(text).unwrap(), &read)
    }

    #[test]
    fn packages_and_paths_are_followed() {
        let parts = parts(&[
            ("/p/tsconfig.build.json", r#"{"extends": "./tsconfig"} // note"#),
            ("/p/tsconfig.json", r#"{"extends": ["@tsconfig/node20", "../base.json"], "exclude": ["a"]}"#),
            ("/node_modules/@tsconfig/node20/tsconfig.json", r#"{"compilerOptions": {"rootDir": "src"}}"#),
            ("/base.json", r#"{"include": ["src"],}"#),
        ])
        .unwrap();
        let folders: Vec<_> = parts.iter().map(|part| part.folder.display().to_string()).collect();
        assert_eq!(
            folders,
            ["/p", "/", "/node_modules/@tsconfig/node20"],
            "the last of several counts first"
        );
        assert_eq!(parts[0].exclude, Some(vec!["a".to_owned()]));
        assert!(parts[1].has_include && parts[2].has_root_dir);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(parts(&[("/p/a.json", r#"{"extends": "missing"}"#)]), Err("missing".to_owned()));
        assert_eq!(
            parts(&[("/p/a.json", r#"{"extends": "./b.json"}"#), ("/p/b.json", "{")]),
            Err("/p/b.json".to_owned())
        );
        assert_eq!(parts(&[("/p/a.json", r#"{"extends": "./a.json"}"#)]), Err("too many files".to_owned()));
    }
}
