//! Environment variables, as the service will see them.

use std::collections::BTreeMap;
use std::fs;

use super::project_folder::Project;

/// Where variables are looked for after the process, the first of them first.
const FILES: [&str; 3] = [".env.local", ".env.development", ".env"];

/// What the process has, and what `.env.local`, `.env.development` and `.env` add, in this order.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Whether a variable has a value. The values, among them passwords, are not kept.
    variables: BTreeMap<String, bool>,
}

impl Environment {
    /// Reads the files that are there. A line that is none is passed over.
    pub fn read(project: &Project) -> Self {
        let process = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, !value.is_empty())))
            .collect();
        Self { variables: process }.with_files(project)
    }

    /// Whether a variable has a value that is not empty.
    pub fn has(&self, name: &str) -> bool {
        self.variables.get(name).copied().unwrap_or_default()
    }

    fn with_files(mut self, project: &Project) -> Self {
        for file in FILES {
            // What cannot be read is nothing for the service either.
            let Ok(bytes) = fs::read(project.root.join(file)) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            for (name, has_value) in variables_in(&text) {
                self.variables.entry(name).or_insert(has_value);
            }
        }
        self
    }
}

/// Within one file the last one counts.
fn variables_in(text: &str) -> BTreeMap<String, bool> {
    let statements = statements_in(text.trim_start_matches('\u{feff}'));
    // Together, because values may name variables above them.
    dotenvy::from_read_iter(statements.as_bytes())
        .filter_map(Result::ok)
        .map(|(name, value)| (name, !value.is_empty()))
        .collect()
}

/// The text without what is no statement. A quote that is never closed takes only its own line with it.
fn statements_in(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut statements = String::new();
    let mut at = 0;
    while at < lines.len() {
        let length = (1..=lines.len() - at).find(|length| is_statement(&lines[at..at + length]));
        if let Some(length) = length {
            statements.extend(lines[at..at + length].iter().copied());
            if !statements.ends_with('\n') {
                statements.push('\n');
            }
        }
        at += length.unwrap_or(1);
    }
    statements
}

/// Whether these lines are at most one statement, and a whole one.
fn is_statement(lines: &[&str]) -> bool {
    let text = lines.concat();
    let mut statements = dotenvy::from_read_iter(text.as_bytes());
    let is_whole = statements.next().is_none_or(|statement| statement.is_ok());
    is_whole && statements.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_goes_before_the_files_and_those_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { root: folder.path().to_path_buf() };
        for (file, text) in [
            (".env", "A=1\nB=1\nC=\nD=1\nE=1\n"),
            (".env.development", "B=\nC=1\nD=\n"),
            (".env.local", "D=1"),
            (".env.production", "F=1"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let process = BTreeMap::from([("E".to_owned(), false), ("PATH".to_owned(), true)]);
        let environment = Environment { variables: process }.with_files(&project);
        for (name, expected) in
            [("A", true), ("B", false), ("C", true), ("D", true), ("E", false), ("F", false), ("PATH", true)]
        {
            assert_eq!(environment.has(name), expected, "{name}");
        }
        assert!(Environment::read(&project).has("PATH"));
    }

    #[test]
    fn a_broken_line_is_passed_over_and_the_rest_counts() {
        let text = "\u{feff}A=1\nthis is no variable\nB='it\nC=2 3\nexport D=\"x # y\" # note\r\nE=${A}\n\
                    F=\"two\nlines\"\nG=\nG=1\n# H=1\nJ=1";
        let variables = variables_in(text);
        let with_value: Vec<_> =
            variables.iter().filter_map(|(name, has_value)| has_value.then_some(name.as_str())).collect();
        assert_eq!(with_value, ["A", "D", "E", "F", "G", "J"]);
    }

    #[test]
    fn a_folder_with_the_name_of_a_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".env")).unwrap();
        let project = Project { root: folder.path().to_path_buf() };
        assert!(!Environment::default().with_files(&project).has("A"));
    }
}
