//! Tells which exports have a type that only the compiler could tell.

use oxc::ast::ast::Statement;
use oxc::diagnostics::OxcDiagnostic;
use oxc::span::{GetSpan, Span};

use crate::evaluation::module_names::{declaration, declared_names};
use crate::source::module_graph::{Module, ModuleGraph};

pub(super) fn report_untyped(graph: &ModuleGraph<'_>, module: &Module<'_>, names: &[String]) {
    for name in names {
        let message = format!("the type of `{name}` cannot be told without the compiler, so it is `any`");
        let problem = OxcDiagnostic::warn(message)
            .with_error_code("csbroker", "untyped-export")
            .with_label(declaration_span(module, name).label("add a type annotation"));
        graph.report(module, problem);
    }
}

/// The first line of a declaration: it says enough.
fn declaration_span(module: &Module<'_>, name: &str) -> Span {
    let mut statements = module.program.iter().flat_map(|program| &program.body);
    let span = statements.find_map(|statement| match statement {
        Statement::ExportDefaultDeclaration(export) if name == "default" => Some(export.span),
        statement => {
            declaration(statement).filter(|one| declared_names(one).contains(&name)).map(|_| statement.span())
        }
    });
    let span = span.unwrap_or_default();
    let first_line = span.source_text(&module.source).lines().next().map_or(0, str::len);
    Span::new(span.start, span.start + u32::try_from(first_line).unwrap_or_default())
}
