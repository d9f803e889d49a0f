//! One generation after the other, and what is said about each.

use std::panic::{AssertUnwindSafe, catch_unwind};

use csb_core::runtime::clock;
use jiff::ZonedDateTime;
use serde::Serialize;

use crate::commands::Failure;
use crate::commands::changes::changed;
use crate::commands::client_report::{ClientDocument, milliseconds};
use crate::commands::failure::FailureData;
use crate::commands::file_names::short_name;
use crate::commands::generate::tell_warnings;
use crate::generation::generate_client::{GenerateOptions, Generated, generate_client, working_files};
use crate::project::project_folder::Project;
use crate::source::source_files::SourceFiles;
use crate::terminal::Terminal;

/// There is no `change-stream/`.
const GONE: &str = "no-change-stream";

/// What the round before came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// There was none.
    Nothing,
    Done,
    /// The files were wrong, so other files are needed.
    Invalid,
    /// Something else was wrong, which may have gone.
    Failed,
}

/// Generates, and says how it went.
pub(super) struct Rounds<'a> {
    project: &'a Project,
    options: &'a GenerateOptions,
    before: Before,
    /// What the round before has read.
    read: SourceFiles,
    /// Told already.
    missing_environment: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RoundDocument<T> {
    at: String,
    #[serde(flatten)]
    outcome: T,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(project: &'a Project, options: &'a GenerateOptions) -> Self {
        Self {
            project,
            options,
            before: Before::Nothing,
            read: SourceFiles::new(),
            missing_environment: vec![],
        }
    }

    /// The files, as they are now. None while they cannot be read.
    pub(super) fn sources(&self) -> SourceFiles {
        let read = catch_unwind(AssertUnwindSafe(|| working_files(self.project)));
        read.map(Result::unwrap_or_default).unwrap_or_default()
    }

    /// Generates, if the files are others than before.
    pub(super) fn run_if_changed(&mut self, terminal: &mut Terminal) {
        if self.sources() != self.read {
            self.run(terminal);
        }
    }

    /// The same, or if what was wrong before was something else than the files.
    pub(super) fn run_if_worthwhile(&mut self, terminal: &mut Terminal) {
        if self.before == Before::Failed || self.sources() != self.read {
            self.run(terminal);
        }
    }

    /// Generates.
    pub(super) fn run(&mut self, terminal: &mut Terminal) {
        // Before, so that what changes meanwhile is seen to have changed.
        self.run_having_read(self.sources(), terminal);
    }

    fn run_having_read(&mut self, read: SourceFiles, terminal: &mut Terminal) {
        self.read = read;
        let begun = clock::now();
        let outcome = self.generate();
        let now = ZonedDateTime::now();
        match outcome {
            Ok(mut generated) => {
                // What the client was made from may have changed since, and changed back.
                self.read.append(&mut generated.sources);
                self.tell_generated(&mut generated, &now, terminal);
                self.before = Before::Done;
            }
            Err(failure) => {
                tell_failure(&failure, begun.elapsed().as_millis(), &now, terminal);
                let is_for_the_files = !failure.diagnostics.is_empty() || failure.code == GONE;
                self.before = if is_for_the_files { Before::Invalid } else { Before::Failed };
            }
        }
    }

    fn generate(&self) -> Result<Generated, Failure> {
        if !self.project.change_stream().is_dir() {
            return Err(Failure::problem(GONE, "change-stream/ is gone; waiting for it"));
        }
        // The next round may go well, whatever is wrong in this one.
        match catch_unwind(AssertUnwindSafe(|| generate_client(self.project, self.options))) {
            Ok(outcome) => outcome.map_err(|error| Failure::of_generating(error, self.project)),
            Err(_) => Err(Failure::problem("internal", "csbroker panicked; please report this")),
        }
    }

    fn tell_generated(&mut self, generated: &mut Generated, now: &ZonedDateTime, terminal: &mut Terminal) {
        let line = success_line(generated, self.before);
        terminal.done_at(&time_of(now), &line);
        terminal.document(&RoundDocument {
            at: now.timestamp().to_string(),
            outcome: ClientDocument::of(generated, self.project),
        });
        // What was told once is told again only when it is something else.
        let missing = std::mem::take(&mut generated.missing_environment);
        if missing != self.missing_environment {
            generated.missing_environment.clone_from(&missing);
            self.missing_environment = missing;
        }
        tell_warnings(generated, self.project, terminal);
    }
}

fn success_line(generated: &Generated, before: Before) -> String {
    let ms = milliseconds(generated);
    let is_fixed = matches!(before, Before::Invalid | Before::Failed);
    match (generated.is_changed, is_fixed) {
        (true, true) => format!("fixed, generated in {ms} ms"),
        (false, true) => format!("fixed, up to date in {ms} ms"),
        (false, false) => format!("up to date in {ms} ms"),
        (true, false) => {
            let names: Vec<String> = changed(&generated.differences)
                .iter()
                .map(|difference| short_name(&difference.path))
                .collect();
            let names = if names.is_empty() { names.concat() } else { format!(" ({})", names.join(", ")) };
            format!("generated in {ms} ms{names}")
        }
    }
}

fn tell_failure(failure: &Failure, milliseconds: u128, now: &ZonedDateTime, terminal: &mut Terminal) {
    for diagnostic in &failure.diagnostics {
        terminal.frame(diagnostic);
    }
    terminal.fail_at(&time_of(now), &format!("{} ({} ms)", failure.message, milliseconds.max(1)));
    for line in &failure.advice {
        terminal.explain(&format!("  {line}"));
    }
    let outcome: FailureData<'_> = failure.data();
    terminal.document(&RoundDocument { at: now.timestamp().to_string(), outcome });
}

fn time_of(now: &ZonedDateTime) -> String {
    now.strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::compile::ClientContents;
    use crate::diff::file_differences::{FileDifference, FileStatus};
    use crate::generation::test_project::{TestProject, options};
    use crate::project::installation::Placement;
    use crate::source::module_path::ModulePath;
    use crate::terminal::captured::terminal;

    fn generated(is_changed: bool) -> Generated {
        Generated {
            is_changed,
            differences: vec![FileDifference {
                path: ModulePath::config(),
                status: FileStatus::Modified,
                additions: 1,
                deletions: 1,
            }],
            placement: Placement::Beside { client: "/p/client".into() },
            sources: SourceFiles::new(),
            contents: ClientContents::default(),
            warnings: vec![],
            missing_environment: vec![],
            backup: None,
            elapsed: Duration::from_millis(2),
        }
    }

    /// Both times after the watcher has read the files, and before the generator does.
    #[test]
    fn what_changed_and_changed_back_is_generated_again() {
        let project = TestProject::new();
        project.configure(&["one"]);
        let options = options();
        let mut rounds = Rounds::new(&project.project, &options);
        let (mut terminal, _, _) = terminal(false);
        let before = rounds.sources();
        project.configure(&["two"]);
        rounds.run_having_read(before, &mut terminal);
        assert!(client(&project).contains("two"));
        project.configure(&["one"]);
        rounds.run_if_changed(&mut terminal);
        assert!(client(&project).contains("one"));
    }

    fn client(project: &TestProject) -> String {
        project.read("node_modules/.csbroker/client/config.js")
    }

    #[test]
    fn lines_say_what_has_become_of_it() {
        for (is_changed, before, line) in [
            (true, Before::Nothing, "generated in 2 ms (config.ts)"),
            (true, Before::Done, "generated in 2 ms (config.ts)"),
            (true, Before::Invalid, "fixed, generated in 2 ms"),
            (false, Before::Failed, "fixed, up to date in 2 ms"),
            (false, Before::Nothing, "up to date in 2 ms"),
        ] {
            assert_eq!(success_line(&generated(is_changed), before), line);
        }
    }
}
