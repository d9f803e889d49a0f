//! Reports names that a client cannot have because two files export them: ES modules drop them without a word.

use std::rc::Rc;

use oxc::ast::ast::{ExportSpecifier, Statement};
use oxc::diagnostics::OxcDiagnostic;
use oxc::span::{GetSpan, Span};

use super::assembled_client::ClientParts;
use crate::evaluation::module_names::{declaration, declared_names, declared_types};
use crate::evaluation::name_origins::{Origin, exported_origins};
use crate::source::module_graph::{Import, Module};

pub(super) fn report_duplicates(parts: &ClientParts<'_, '_>) {
    let config = &parts.config;
    report_ambiguous_stars(parts, config);
    let Some(schema) = &parts.schema else { return };
    report_ambiguous_stars(parts, schema);
    let of_schema = exported_origins(parts.graph, schema);
    for (name, _) in differing(&exported_origins(parts.graph, config), &of_schema) {
        let message =
            format!("`{name}` is exported by {} and, as something else, by {}", config.path, schema.path);
        report(parts, config, message, export_span(config, name), "the client can have only one of them");
    }
}

/// `export *` from two modules that have the same name for different things.
fn report_ambiguous_stars<'a>(parts: &ClientParts<'_, 'a>, module: &Rc<Module<'a>>) {
    let mut before: Vec<(String, Origin)> = Vec::new();
    for star in module.names.stars() {
        let Import::Module(other) = parts.graph.import(&module.path, star) else { continue };
        let found = exported_origins(parts.graph, &other);
        for (name, _) in differing(&found, &before) {
            // What the module exports itself is meant.
            if module.names.export(name).is_none() {
                let message = format!(
                    "`{name}` is exported by {} and, as something else, by another `export *`",
                    other.path
                );
                report(parts, module, message, star_span(module, star), "the name is lost");
            }
        }
        before.extend(found);
    }
}

/// Names that both have for different things.
fn differing<'o>(
    ones: &'o [(String, Origin)],
    others: &'o [(String, Origin)],
) -> impl Iterator<Item = &'o (String, Origin)> {
    ones.iter()
        .filter(|(name, origin)| others.iter().any(|(other, there)| other == name && !origin.is_same(there)))
}

fn report<'a>(
    parts: &ClientParts<'_, 'a>,
    module: &Rc<Module<'a>>,
    message: String,
    span: Span,
    label: &'static str,
) {
    let problem = OxcDiagnostic::error(message)
        .with_error_code("csbroker", "duplicate-export")
        .with_label(span.label(label))
        .with_help("rename one of them, or import it from where the other one is");
    parts.graph.report(module, problem);
}

/// Where an export is named; the beginning of the file if another one brings it.
fn export_span(module: &Module<'_>, name: &str) -> Span {
    let named = |specifiers: &[ExportSpecifier<'_>]| {
        specifiers.iter().find(|one| one.exported.name() == name).map(|one| one.exported.span())
    };
    let mut statements = module.program.iter().flat_map(|program| &program.body);
    let span = statements.find_map(|statement| match statement {
        Statement::ExportNamedDeclaration(list) => named(&list.specifiers),
        Statement::ExportFromDeclaration(list) => named(&list.specifiers),
        Statement::ExportDeclaration(_) => {
            let declared = declaration(statement)?;
            let is_it = declared_names(declared).contains(&name) || declared_types(declared) == Some(name);
            let text = declared.span().source_text(&module.source);
            let offset = u32::try_from(text.find(name).filter(|_| is_it)?).ok()?;
            Some(Span::sized(declared.span().start + offset, u32::try_from(name.len()).ok()?))
        }
        _ => None,
    });
    span.unwrap_or_default()
}

fn star_span(module: &Module<'_>, specifier: &str) -> Span {
    let mut statements = module.program.iter().flat_map(|program| &program.body);
    let span = statements.find_map(|statement| match statement {
        Statement::ExportAllDeclaration(all) if all.source.value == specifier => Some(all.span),
        _ => None,
    });
    span.unwrap_or_default()
}
