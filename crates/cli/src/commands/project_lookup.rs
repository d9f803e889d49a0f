//! Finds the project, or says where one is.

use std::path::{Path, PathBuf};

use super::folders_below::projects_below;
use super::{CommandContext, Failure};
use crate::project::project_folder::Project;
use crate::source::module_path::CHANGE_STREAM;

impl CommandContext<'_> {
    /// The project that the command is about.
    pub(crate) fn project(&self) -> Result<Project, Failure> {
        Project::find(&self.folder).ok_or_else(|| no_project(&self.folder, &projects_below(&self.folder)))
    }
}

fn no_project(folder: &Path, below: &[PathBuf]) -> Failure {
    let message = format!("there is no {CHANGE_STREAM}/ folder in {} or above it", folder.display());
    let failure = Failure::problem("no-change-stream", message);
    let Some(first) = below.first() else {
        return failure.advise([
            "To make one here, run: npx csbroker init",
            "Or name the project's folder: npx csbroker --cwd <DIR> …",
        ]);
    };
    failure
        .advise(["There are some below it:".to_owned()])
        .advise(below.iter().map(|project| format!("  {}", project.join(CHANGE_STREAM).display())))
        .advise([
            format!("Name one: npx csbroker --cwd {} …", first.display()),
            "Or make one here: npx csbroker init".to_owned(),
        ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do() {
        let failure = no_project(Path::new("/p"), &[]);
        assert_eq!(failure.message, "there is no change-stream/ folder in /p or above it");
        assert!(failure.advice[0].ends_with("npx csbroker init"));
    }

    #[test]
    fn names_the_services_of_a_monorepo() {
        let failure = no_project(Path::new("/p"), &["services/orders".into(), "services/billing".into()]);
        assert_eq!(failure.advice[1].trim(), "services/orders/change-stream");
        assert_eq!(failure.advice[3], "Name one: npx csbroker --cwd services/orders …");
    }
}
