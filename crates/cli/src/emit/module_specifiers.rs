//! Where a module names other modules.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Expression, Program, Statement, StringLiteral};
use oxc::parser::Parser;
use oxc::span::{SourceType, Span};

use super::text_edits::TextEdits;
use crate::source::import_resolution::is_relative;
use crate::source::node_walk::{NodeListener, walk_nodes};

/// A name of another module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleSpecifier {
    pub(crate) name: String,
    /// With its quotes.
    pub(crate) span: Span,
    /// What an import takes from there, if it names all of it.
    pub(crate) names: Option<Vec<String>>,
}

impl ModuleSpecifier {
    /// Whether it may be this name that it takes from there.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.iter().any(|one| one == name))
    }
}

/// All of them: of imports and exports, of `import()` with a literal, of types.
pub(crate) fn module_specifiers(program: &Program<'_>) -> Vec<ModuleSpecifier> {
    let mut found = Found::default();
    for statement in &program.body {
        match statement {
            Statement::ImportDeclaration(import) => {
                use oxc::ast::ast::ImportDeclarationSpecifier as Specifier;
                let names = import.specifiers.iter().flatten().map(|one| match one {
                    Specifier::ImportSpecifier(one) => Some(one.imported.name().to_string()),
                    Specifier::ImportDefaultSpecifier(_) => Some("default".to_owned()),
                    Specifier::ImportNamespaceSpecifier(_) => None,
                });
                let names = import.specifiers.is_some().then(|| names.collect::<Option<Vec<_>>>()).flatten();
                found.add(&import.source, names);
            }
            Statement::ExportAllDeclaration(export) => found.add(&export.source, None),
            Statement::ExportFromDeclaration(export) => {
                let names = export.specifiers.iter().map(|one| one.local.name().to_string()).collect();
                found.add(&export.source, Some(names));
            }
            _ => {}
        }
    }
    walk_nodes(program, &mut found);
    found.0
}

#[derive(Default)]
struct Found(Vec<ModuleSpecifier>);

impl Found {
    fn add(&mut self, source: &StringLiteral<'_>, names: Option<Vec<String>>) {
        self.0.push(ModuleSpecifier { name: source.value.to_string(), span: source.span, names });
    }
}

impl<'a> NodeListener<'a> for Found {
    fn enter(&mut self, node: AstKind<'a>) {
        match node {
            AstKind::ImportExpression(import) => {
                if let Expression::StringLiteral(source) = &import.source {
                    self.add(source, None);
                }
            }
            // `declare module './a' { … }` adds to a module.
            AstKind::TSExternalModuleDeclaration(one) if is_relative(one.id.value.as_str()) => {
                self.add(&one.id, None);
            }
            AstKind::TSImportType(import) => self.add(&import.source, None),
            _ => {}
        }
    }
}

/// The text with other names for modules, where `rename` has one.
pub(crate) fn rename_modules(
    text: &str,
    source_type: SourceType,
    mut rename: impl FnMut(&ModuleSpecifier) -> Option<String>,
) -> String {
    let arena = Allocator::default();
    let parsed = Parser::new(&arena, text, source_type).parse();
    let mut edits = TextEdits::default();
    for specifier in module_specifiers(&parsed.program) {
        if let Some(name) = rename(&specifier) {
            edits.replace(specifier.span, serde_json::Value::from(name).to_string());
        }
    }
    edits.apply(text)
}
