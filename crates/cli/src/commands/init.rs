//! `csbroker init`: an example to begin with, fitted into the project.

mod project_edits;
mod report;

use std::fs;
use std::io;
use std::path::Path;

use jiff::ZonedDateTime;

use super::package_manager::{PACKAGE, PackageManager};
use super::{CommandContext, Failure, exit_code};
use crate::args::InitArgs;
use crate::init::dependencies::{Dependency, PackageJson};
use crate::init::init_root::init_root;
use crate::init::kept_copy::{is_there, keep_copy};
use crate::init::templates::{Template, next_step, packages, templates};
use crate::project::user_file;
use crate::terminal::Terminal;
use report::{Action, FileReport, InitDocument, file_lines};

pub(crate) fn run(args: &InitArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let root = init_root(&context.folder);
    let terminal = &mut *context.terminal;
    if root != context.folder {
        terminal.note(&format!("in {}", root.display()));
    }
    let package =
        fs::read_to_string(root.join("package.json")).ok().and_then(|text| PackageJson::parse(&text));
    let is_module = package.as_ref().is_some_and(PackageJson::is_module);
    let mut files = Vec::new();
    for template in templates(args.example, is_module) {
        files.push(write_template(&root, &template, args.force)?);
    }
    tell_files(&files, terminal);
    let edited = project_edits::edit_project(&root, args.yes, terminal)?;
    tell_files(&edited, terminal);
    files.extend(edited);
    let warnings = warnings(&root, package.as_ref(), args);
    for warning in &warnings {
        terminal.warn(warning);
    }
    tell_next(args, terminal);
    terminal.document(&InitDocument { ok: true, root: root.display().to_string(), files, warnings });
    Ok(exit_code::DONE)
}

fn tell_files(files: &[FileReport], terminal: &mut Terminal) {
    for line in file_lines(files) {
        terminal.result(&line);
    }
}

fn tell_next(args: &InitArgs, terminal: &mut Terminal) {
    let mut next = vec!["put MONGODB_BROKER_URI and MONGODB_BROKER_DATABASE in .env", "edit the two files"];
    next.extend(args.example.map(next_step));
    terminal.result("");
    terminal.result(&format!("Next: {}, then", next.join(", ")));
    terminal.result("  npx csbroker generate");
}

/// Writes a file that is not there; with `is_forced` also one that is, after a copy.
fn write_template(root: &Path, template: &Template, is_forced: bool) -> io::Result<FileReport> {
    let path = root.join(template.path);
    let report =
        |action, note: &str| FileReport { action, file: template.path.to_owned(), note: note.to_owned() };
    if !is_there(&path) {
        user_file::write(&path, &template.text)?;
        return Ok(report(Action::Created, ""));
    }
    if !is_forced {
        return Ok(report(Action::Kept, "(exists; --force replaces it after a backup)"));
    }
    if fs::read(&path).is_ok_and(|bytes| bytes == template.text.as_bytes()) {
        return Ok(report(Action::Kept, "(is the same already)"));
    }
    let copy = keep_copy(&path, &ZonedDateTime::now().strftime("%Y%m%d_%H%M%S").to_string())?;
    user_file::write(&path, &template.text)?;
    Ok(report(Action::Updated, &format!("(what it was is in {copy})")))
}

/// What the user has to know about the packages.
fn warnings(root: &Path, package: Option<&PackageJson>, args: &InitArgs) -> Vec<String> {
    let manager = PackageManager::of(root);
    let Some(package) = package else {
        return vec![format!(
            "there is no package.json that can be read; {PACKAGE} is needed: {}",
            manager.install_command()
        )];
    };
    let mut warnings = Vec::new();
    match package.dependency(PACKAGE) {
        Dependency::Production => {}
        Dependency::Missing => {
            warnings.push(format!("package.json: {PACKAGE} is not in dependencies: {}", manager.install_command()));
        }
        Dependency::Development => warnings.push(format!(
            "package.json: {PACKAGE} is in devDependencies, so an image without them cannot generate the client: {}",
            manager.move_command()
        )),
    }
    let needed = args.example.map(packages).unwrap_or_default();
    let missing: Vec<&str> =
        needed.iter().filter(|name| package.dependency(name) == Dependency::Missing).copied().collect();
    if !missing.is_empty() {
        warnings.push(format!("package.json: the example also needs {}", missing.join(" and ")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Example;

    #[test]
    fn a_file_is_replaced_only_when_that_is_asked_for_and_after_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let template = Template { path: "change-stream/config.ts", text: "ours".to_owned() };
        let action = |is_forced| write_template(root.path(), &template, is_forced).unwrap().action;
        assert_eq!(action(false), Action::Created);
        assert_eq!(action(true), Action::Kept);
        let file = root.path().join(template.path);
        fs::write(&file, "mine").unwrap();
        assert_eq!(action(false), Action::Kept);
        assert_eq!(action(true), Action::Updated);
        assert_eq!(fs::read_to_string(&file).unwrap(), "ours");
        let kept: Vec<_> = fs::read_dir(file.parent().unwrap())
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        assert!(kept.contains(&"mine".to_owned()));
    }

    #[test]
    fn the_package_must_be_there_in_production() {
        let root = tempfile::tempdir().unwrap();
        let args = InitArgs { force: false, yes: false, example: Some(Example::NestConsumer) };
        let package =
            PackageJson::parse(r#"{"devDependencies": {"@dafaz/change-stream-broker": "2"}}"#).unwrap();
        let warnings = warnings(root.path(), Some(&package), &args);
        assert!(warnings[0].ends_with("npm install --save-prod @dafaz/change-stream-broker"));
        assert_eq!(warnings[1], "package.json: the example also needs @nestjs/common and mongodb");
    }
}
