//! What is wrong with a source file, or noteworthy about it.

use std::sync::Arc;

use oxc::diagnostics::{GraphicalReportHandler, GraphicalTheme, NamedSource, OxcDiagnostic, Severity};
use serde::Serialize;

use super::module_path::ModulePath;

const FRAME_WIDTH: usize = 100;
/// Begins the codes of our own problems; the parser has others.
const SCOPE: &str = "csbroker";

/// A message with the place that it is about.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    path: ModulePath,
    source: Arc<str>,
    problem: OxcDiagnostic,
}

/// A [`Diagnostic`] as data. Lines and columns count from 1, columns in UTF-16 units, as editors do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticData {
    /// Which problem: stable, such as `unknown-property`, or `syntax`.
    pub code: String,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// For people.
    pub message: String,
    /// From the project's root.
    pub file: String,
    /// Where it begins.
    pub line: usize,
    /// Where it begins.
    pub column: usize,
    /// Where it ends.
    pub end_line: usize,
    /// Behind its last character.
    pub end_column: usize,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    pub(super) fn new(path: &ModulePath, source: &Arc<str>, problem: OxcDiagnostic) -> Self {
        Self { path: path.clone(), source: Arc::clone(source), problem }
    }

    /// Whether nothing can be generated because of it.
    pub fn is_error(&self) -> bool {
        self.problem.severity == Severity::Error
    }

    /// For people: message, file, line, column, the lines that it is about, and what to do.
    pub fn frame(&self, color: bool, unicode: bool) -> String {
        let theme = match (color, unicode) {
            (true, true) => GraphicalTheme::unicode(),
            (false, true) => GraphicalTheme::unicode_nocolor(),
            (_, false) => GraphicalTheme::none(),
        };
        let source = NamedSource::new(self.path.to_string(), self.source.to_string());
        let report = self.problem.clone().with_source_code(source);
        let mut frame = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_width(FRAME_WIDTH);
        match handler.render_report(&mut frame, report.as_ref()) {
            Ok(()) => frame,
            // Without the lines; a String takes whatever is written to it.
            Err(_) => format!("{}: {}\n", self.path, self.problem.message),
        }
    }

    /// For programs.
    pub fn data(&self) -> DiagnosticData {
        let (begin, end) = self.problem.labels.first().map_or((0, 0), |label| {
            let begin = label.offset() as usize;
            (begin, begin + label.len() as usize)
        });
        let ((line, column), (end_line, end_column)) = (self.position(begin), self.position(end));
        let own =
            self.problem.code.number.as_deref().filter(|_| self.problem.code.scope.as_deref() == Some(SCOPE));
        let code = own.unwrap_or("syntax").to_owned();
        DiagnosticData {
            code,
            severity: if self.is_error() { "error" } else { "warning" },
            message: self.problem.message.to_string(),
            file: self.path.to_string(),
            line,
            column,
            end_line,
            end_column,
            help: self.problem.help.as_ref().map(ToString::to_string),
        }
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.source.get(..offset).unwrap_or(&self.source);
        let line_begin = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_begin..].encode_utf16().count() + 1)
    }
}
