//! `csbroker stage`: the files that the client was generated from.

use serde::Serialize;

use super::file_names::short_name;
use super::{CommandContext, Failure, exit_code};
use crate::args::StageArgs;
use crate::history::history_folder::History;
use crate::project::project_folder::Project;
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;
use crate::terminal::Terminal;

#[derive(Debug, Serialize)]
struct StageDocument<'a> {
    ok: bool,
    files: Vec<StagedFile<'a>>,
}

#[derive(Debug, Serialize)]
struct StagedFile<'a> {
    file: String,
    text: &'a str,
}

pub(crate) fn run(args: &StageArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = context.project()?;
    let stage = staged_files(&project)?;
    let paths: Vec<ModulePath> = stage.keys().cloned().collect();
    let shown = context.named_files(&project, &paths, args.file.as_slice())?;
    let terminal = &mut *context.terminal;
    if terminal.is_json() {
        let file = |path: &ModulePath| StagedFile { file: path.to_string(), text: &stage[path] };
        terminal.document(&StageDocument { ok: true, files: shown.iter().map(file).collect() });
    } else if args.file.is_some() {
        for path in &shown {
            terminal.data(&stage[path]);
        }
    } else if terminal.is_interactive() {
        browse(&stage, &paths, terminal)?;
    } else {
        terminal.data(&all_files(&stage));
    }
    Ok(exit_code::DONE)
}

/// The stage of a project that has one.
pub(crate) fn staged_files(project: &Project) -> Result<SourceFiles, Failure> {
    History::of(project).stage()?.ok_or_else(|| {
        Failure::problem("no-stage", "nothing is staged yet").advise(["Run: npx csbroker generate"])
    })
}

/// One behind the other, each below its name, as `head` does.
fn all_files(stage: &SourceFiles) -> String {
    let section = |(path, text): (&ModulePath, &String)| {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        format!("==> {} <==\n{text}{end}", short_name(path))
    };
    stage.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn browse(stage: &SourceFiles, paths: &[ModulePath], terminal: &mut Terminal) -> Result<(), Failure> {
    let entries: Vec<String> = paths.iter().map(short_name).collect();
    while let Some(index) = terminal.choose(&entries, "Show which one? [1, q quits] ")? {
        terminal.page(&stage[&paths[index]]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_below_their_names() {
        let stage = SourceFiles::from([
            (ModulePath::config(), "a\n".to_owned()),
            (ModulePath::parse("_up/src/days.ts").unwrap(), "b".to_owned()),
        ]);
        assert_eq!(all_files(&stage), "==> ../src/days.ts <==\nb\n\n==> config.ts <==\na\n");
    }

    #[test]
    fn nothing_is_staged_before_the_first_client() {
        let folder = tempfile::tempdir().unwrap();
        let failure = staged_files(&Project { root: folder.path().to_path_buf() }).unwrap_err();
        assert_eq!((failure.code, failure.exit), ("no-stage", 1));
    }
}
