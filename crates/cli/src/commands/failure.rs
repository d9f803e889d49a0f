//! Why a command did not do what it was asked to.

use std::io;

use serde::Serialize;

use super::exit_code;
use super::package_manager::PackageManager;
use crate::compile::CompileError;
use crate::generation::generate_client::GenerateError;
use crate::project::installation::PlacementError;
use crate::project::project_folder::Project;
use crate::source::diagnostic::{Diagnostic, DiagnosticData};
use crate::terminal::Terminal;

/// A failure, to be told to a person or to a program.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: i32,
    /// Stable, for programs.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// What to do, or to choose from, line by line.
    pub(crate) advice: Vec<String>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A [`Failure`] as data.
#[derive(Debug, Serialize)]
pub(crate) struct FailureData<'a> {
    ok: bool,
    error: ErrorData<'a>,
    diagnostics: Vec<DiagnosticData>,
}

#[derive(Debug, Serialize)]
struct ErrorData<'a> {
    code: &'a str,
    message: &'a str,
    advice: &'a [String],
}

impl Failure {
    /// Something is refused, or wrong with the user's files.
    pub(crate) fn problem(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: exit_code::PROBLEM, code, message: message.into(), advice: vec![], diagnostics: vec![] }
    }

    /// The command was given wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: exit_code::USAGE, ..Self::problem("usage", message) }
    }

    /// There is nobody to ask.
    pub(crate) fn needs_answer(message: impl Into<String>) -> Self {
        Self { exit: exit_code::NEEDS_ANSWER, ..Self::problem("needs-answer", message) }
    }

    /// With lines that say what to do.
    pub(crate) fn advise<T: Into<String>>(mut self, advice: impl IntoIterator<Item = T>) -> Self {
        self.advice.extend(advice.into_iter().map(Into::into));
        self
    }

    /// No client, and why.
    pub(crate) fn of_generating(error: GenerateError, project: &Project) -> Self {
        match error {
            GenerateError::Compile(CompileError::Invalid(diagnostics)) => {
                let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
                let message = format!("{errors} error(s); nothing was written");
                Self { diagnostics, ..Self::problem("invalid-files", message) }
            }
            GenerateError::Compile(CompileError::Unreadable(error)) | GenerateError::Io(error) => {
                error.into()
            }
            GenerateError::Compile(defect @ CompileError::Defect(_)) => {
                Self::problem("internal", defect.to_string())
            }
            GenerateError::Placement(error) => Self::of_placement(&error, project),
        }
    }

    fn of_placement(error: &PlacementError, project: &Project) -> Self {
        let manager = PackageManager::of(&project.root);
        match error {
            PlacementError::NotInstalled(_) => Self::problem("not-installed", error.to_string())
                .advise([format!("Run: {}", manager.install_command())]),
            PlacementError::SharedByPlugAndPlay => {
                Self::problem("shared-by-plug-and-play", error.to_string()).advise([
                    "Each project needs a client of its own, in a folder of its own:",
                    "  csbroker generate --out .csbroker-client",
                    "  package.json: \"imports\": {\"#csbroker/client\": {",
                    "    \"import\": \"./.csbroker-client/created-by-csbroker-generate.mjs\",",
                    "    \"default\": \"./.csbroker-client/created-by-csbroker-generate.js\"}}",
                    "  import { brokerConfig } from '#csbroker/client'",
                ])
            }
        }
    }

    /// Says it. The exit code.
    pub(crate) fn tell(&self, terminal: &mut Terminal) -> i32 {
        for diagnostic in &self.diagnostics {
            terminal.frame(diagnostic);
        }
        terminal.fail(&self.message);
        for line in &self.advice {
            terminal.explain(&format!("  {line}"));
        }
        terminal.document(&self.data());
        self.exit
    }

    /// For programs.
    pub(crate) fn data(&self) -> FailureData<'_> {
        FailureData {
            ok: false,
            error: ErrorData { code: self.code, message: &self.message, advice: &self.advice },
            diagnostics: self.diagnostics.iter().map(Diagnostic::data).collect(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::problem("io", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::captured;

    #[test]
    fn people_read_lines_and_programs_a_document() {
        let failure = Failure::needs_answer("restore needs a name").advise(["a", "b"]);
        let (mut terminal, out, err) = captured::terminal(false);
        assert_eq!(failure.tell(&mut terminal), 3);
        assert_eq!((out.text().as_str(), err.text().as_str()), ("", "✖ restore needs a name\n  a\n  b\n"));

        let (mut terminal, out, err) = captured::terminal(true);
        failure.tell(&mut terminal);
        let document = r#"{"ok":false,"error":{"code":"needs-answer","message":"restore needs a name","advice":["a","b"]},"diagnostics":[]}"#;
        assert_eq!((out.text().trim_end(), err.text().as_str()), (document, ""));
    }

    #[test]
    fn a_missing_package_is_installed_with_the_projects_package_manager() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pnpm-lock.yaml"), "").unwrap();
        let project = Project { root: folder.path().to_path_buf() };
        let error = PlacementError::NotInstalled(project.root.clone());
        let failure = Failure::of_generating(error.into(), &project);
        assert_eq!(failure.advice, ["Run: pnpm add @dafaz/change-stream-broker"]);
    }
}
