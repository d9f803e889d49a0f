//! How source files are called, and which one is meant.

use std::path::Path;

use super::{CommandContext, Failure};
use crate::plain_path::plain_path;
use crate::project::project_folder::Project;
use crate::source::module_path::{CHANGE_STREAM, ModulePath};

/// A file as people see it beside others: seen from `change-stream/`.
pub(crate) fn short_name(path: &ModulePath) -> String {
    short(&path.to_string())
}

/// The same, for a path from the project's root.
pub(crate) fn short(from_root: &str) -> String {
    match from_root.strip_prefix(CHANGE_STREAM).and_then(|rest| rest.strip_prefix('/')) {
        Some(name) => name.to_owned(),
        None => format!("../{from_root}"),
    }
}

impl CommandContext<'_> {
    /// Those of `paths` that are named, in their order there; all if none is named.
    pub(crate) fn named_files(
        &self,
        project: &Project,
        paths: &[ModulePath],
        names: &[String],
    ) -> Result<Vec<ModulePath>, Failure> {
        let mut meant = Vec::new();
        for name in names {
            meant.push(find(project, &self.folder, paths, name)?);
        }
        Ok(paths.iter().filter(|path| names.is_empty() || meant.contains(path)).cloned().collect())
    }
}

/// The file that is meant by `name`: its name here or there, its path from the current folder, or the end of its path if no
/// other ends so.
fn find<'p>(
    project: &Project,
    folder: &Path,
    paths: &'p [ModulePath],
    name: &str,
) -> Result<&'p ModulePath, Failure> {
    let plain = name.replace('\\', "/");
    let plain = plain.strip_prefix("./").unwrap_or(&plain);
    let on_disk = plain_path(&folder.join(name));
    let is_called =
        |path: &&ModulePath| path.as_str() == plain || path.to_string() == plain || short_name(path) == plain;
    let is_there = |path: &&ModulePath| path.on_disk(&project.change_stream()) == on_disk;
    if let Some(path) = paths.iter().find(is_called).or_else(|| paths.iter().find(is_there)) {
        return Ok(path);
    }
    let ends_so = |path: &&ModulePath| path.to_string().ends_with(&format!("/{plain}"));
    let mut ending = paths.iter().filter(ends_so);
    match (ending.next(), ending.next()) {
        (Some(path), None) => Ok(path),
        _ => Err(unknown(paths, name)),
    }
}

fn unknown(paths: &[ModulePath], name: &str) -> Failure {
    let known: Vec<String> = paths.iter().map(short_name).collect();
    let failure = Failure::problem("unknown-file", format!("there is no file {name} here"));
    if known.is_empty() { failure } else { failure.advise([format!("There are: {}", known.join(", "))]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_many_names() {
        let project = Project { root: "/p".into() };
        let paths =
            ["_up/src/days.ts", "config.ts", "topics/days.ts"].map(|path| ModulePath::parse(path).unwrap());
        let found = |folder: &str, name: &str| {
            find(&project, Path::new(folder), &paths, name)
                .map(ModulePath::as_str)
                .map_err(|failure| failure.advice)
        };
        for (folder, name) in [
            ("/p", "config.ts"),
            ("/p", "./change-stream/config.ts"),
            ("/p/change-stream", "config.ts"),
            ("/p/src", "../change-stream/config.ts"),
            ("/elsewhere", "/p/change-stream/config.ts"),
        ] {
            assert_eq!(found(folder, name), Ok("config.ts"), "{folder} {name}");
        }
        assert_eq!(found("/p", "src/days.ts"), Ok("_up/src/days.ts"));
        assert_eq!(found("/p", "../src/days.ts"), Ok("_up/src/days.ts"));
        assert_eq!(found("/p", "topics/days.ts"), Ok("topics/days.ts"));
        let all = "There are: ../src/days.ts, config.ts, topics/days.ts".to_owned();
        assert_eq!(found("/p", "days.ts"), Err(vec![all.clone()]), "two end so");
        assert_eq!(found("/p", "../../etc/passwd"), Err(vec![all]));
    }
}
