//! Declarations of a module, without the type checker: what it cannot tell without one is `any`, and said to be.

use oxc::allocator::Allocator;
use oxc::ast::ast::{BindingPattern, Declaration, Program, Statement, TSEnumDeclaration};
use oxc::ast_visit::VisitMut;
use oxc::codegen::{Codegen, CommentOptions};
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::isolated_declarations::{IsolatedDeclarations, IsolatedDeclarationsOptions};
use oxc::parser::Parser;
use oxc::span::{GetSpan, SourceType, Span};

use super::javascript::options_of;
use super::loosening::{Loosened, Scale, loosen};
use super::text_edits::TextEdits;
use super::type_only_names::remove_attributes;
use crate::evaluation::module_names::declaration;
use crate::source::module_graph::Module;

/// Declarations, and the names of which the type is not known.
pub(super) struct Declared {
    pub(super) text: String,
    pub(super) untyped: Vec<String>,
}

/// What is known of the type of a name at the top of the module.
pub(super) struct KnownType {
    pub(super) text: String,
    /// It says more than what is written.
    pub(super) is_better: bool,
}

pub(super) fn declare(module: &Module<'_>, known: impl Fn(&str) -> Option<KnownType>) -> Declared {
    if !exports_anything(module) {
        return Declared { text: "export {};\n".to_owned(), untyped: Vec::new() };
    }
    let (source_type, typed) = (module.source_type(), with_better_types(module, &known));
    let (text, problems) = isolated(&typed, source_type);
    if problems.is_empty() {
        return Declared { text, untyped: Vec::new() };
    }
    let Loosened { text: loose, mut untyped } =
        loosen(&typed, source_type, &problems, Scale::Members, &known);
    let (text, problems) = isolated(&loose, source_type);
    if problems.is_empty() {
        return Declared { text, untyped };
    }
    let Loosened { text: looser, untyped: others } =
        loosen(&loose, source_type, &problems, Scale::Whole, &known);
    untyped.extend(others.into_iter().filter(|name| !untyped.contains(name)).collect::<Vec<_>>());
    let (text, _) = isolated(&looser, source_type);
    Declared { text, untyped }
}

/// Declarations without any export would be global.
fn exports_anything(module: &Module<'_>) -> bool {
    let mut statements = module.program.iter().flat_map(|program| &program.body);
    statements.any(|statement| {
        statement.is_module_declaration() && !matches!(statement, Statement::ImportDeclaration(_))
    })
}

/// The source, its configurations with the payload types of their topics.
fn with_better_types(module: &Module<'_>, known: &impl Fn(&str) -> Option<KnownType>) -> String {
    let mut edits = TextEdits::default();
    let better = |name: &str| known(name).filter(|one| one.is_better).map(|one| one.text);
    for statement in module.program.iter().flat_map(|program| &program.body) {
        if let Some(Declaration::VariableDeclaration(variables)) = declaration(statement) {
            for one in &variables.declarations {
                if let (BindingPattern::BindingIdentifier(id), None) = (&one.id, &one.type_annotation)
                    && let Some(text) = better(id.name.as_str())
                {
                    edits.insert(id.span.end, format!(": {text}"));
                }
            }
        }
        if let Statement::ExportDefaultDeclaration(export) = statement
            && let (Some(expression), Some(text)) = (export.declaration.as_expression(), better("default"))
        {
            edits.replace(expression.span(), format!("0 as any as {text}"));
        }
    }
    edits.apply(&module.source)
}

fn isolated(source: &str, source_type: SourceType) -> (String, Vec<Span>) {
    let arena = Allocator::default();
    let mut program = Parser::new(&arena, source, source_type).parse().program;
    Preparation.visit_program(&mut program);
    let options = IsolatedDeclarationsOptions { strip_internal: false };
    let mut declared = IsolatedDeclarations::new(&arena, options).build(&program);
    without_attributes(&mut declared.program);
    let errors = declared.diagnostics.into_vec().into_iter().filter(|one| one.severity == Severity::Error);
    let problems = errors.map(|one| place(&one)).collect();
    let comments = CommentOptions { jsdoc: true, ..CommentOptions::disabled() };
    (Codegen::new().with_options(options_of(comments)).build(&declared.program).code, problems)
}

/// The JavaScript of a `const enum` is that of any enum, and `isolatedModules` accepts only that in declarations.
struct Preparation;

impl<'a> VisitMut<'a> for Preparation {
    fn visit_ts_enum_declaration(&mut self, one: &mut TSEnumDeclaration<'a>) {
        one.r#const = false;
    }
}

fn without_attributes(program: &mut Program<'_>) {
    for statement in &mut program.body {
        match statement {
            Statement::ImportDeclaration(one) => {
                remove_attributes(one.source.value.as_str(), &mut one.with_clause);
            }
            Statement::ExportFromDeclaration(one) => {
                remove_attributes(one.source.value.as_str(), &mut one.with_clause);
            }
            Statement::ExportAllDeclaration(one) => {
                remove_attributes(one.source.value.as_str(), &mut one.with_clause);
            }
            _ => {}
        }
    }
}

fn place(problem: &OxcDiagnostic) -> Span {
    let offset = problem.labels.first().map_or(0, oxc::diagnostics::LabeledSpan::offset);
    Span::new(offset, offset)
}
