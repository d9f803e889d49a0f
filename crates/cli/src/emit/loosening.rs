//! Gives types to what has none that could be told without the compiler: the known ones, or `any`.

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    BindingPattern, Declaration, Expression, Statement, TSNamespaceDeclaration, TSNamespaceDeclarationBody,
    VariableDeclaration, VariableDeclarator,
};
use oxc::parser::Parser;
use oxc::span::{GetSpan, SourceType, Span};

use super::declarations::KnownType;
use super::text_edits::TextEdits;
use crate::evaluation::module_names::declaration;

/// How much of something is loosened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// What has no type.
    Members,
    /// All of it.
    Whole,
}

/// A source with more types, and the names of which the type is not known.
pub(super) struct Loosened {
    pub(super) text: String,
    pub(super) untyped: Vec<String>,
}

/// `problems` are the places where a type is missing, `known` gives the type of a name at the top.
pub(super) fn loosen(
    source: &str,
    source_type: SourceType,
    problems: &[Span],
    scale: Scale,
    known: &dyn Fn(&str) -> Option<KnownType>,
) -> Loosened {
    let arena = Allocator::default();
    let parsed = Parser::new(&arena, source, source_type).parse();
    let mut loosening = Loosening {
        source,
        problems,
        scale,
        known,
        is_at_top: true,
        edits: TextEdits::default(),
        untyped: Vec::new(),
    };
    loosening.statements(&parsed.program.body);
    Loosened { text: loosening.edits.apply(source), untyped: loosening.untyped }
}

pub(super) struct Loosening<'s> {
    pub(super) source: &'s str,
    problems: &'s [Span],
    pub(super) scale: Scale,
    known: &'s dyn Fn(&str) -> Option<KnownType>,
    is_at_top: bool,
    pub(super) edits: TextEdits,
    untyped: Vec<String>,
}

impl Loosening<'_> {
    pub(super) fn has_problem(&self, span: Span) -> bool {
        self.problems
            .iter()
            .any(|problem| span.start <= problem.start && problem.start < span.end.max(span.start + 1))
    }

    fn statements(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            match statement {
                statement if !self.has_problem(statement.span()) => {}
                Statement::ExportDefaultDeclaration(export) => {
                    let text = self.type_of("default");
                    self.edits.replace(export.declaration.span(), format!("0 as any as {text}"));
                }
                statement => {
                    if let Some(declaration) = declaration(statement) {
                        self.declaration(declaration);
                    }
                }
            }
        }
    }

    fn declaration(&mut self, declaration: &Declaration<'_>) {
        match declaration {
            Declaration::VariableDeclaration(variables) => self.variables(variables),
            Declaration::FunctionDeclaration(function) => {
                if let Some(id) = &function.id {
                    self.note(id.name.as_str());
                }
                self.signature(&function.params, function.return_type.is_some());
            }
            Declaration::ClassDeclaration(class) => {
                if let Some(id) = &class.id {
                    self.note(id.name.as_str());
                }
                self.class(class);
            }
            Declaration::TSNamespaceDeclaration(one) => self.namespace(one),
            _ => {}
        }
    }

    fn namespace(&mut self, one: &TSNamespaceDeclaration<'_>) {
        match &one.body {
            TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => self.namespace(inner),
            TSNamespaceDeclarationBody::TSModuleBlock(block) => {
                self.note(one.id.name.as_str());
                let is_at_top = std::mem::replace(&mut self.is_at_top, false);
                self.statements(&block.body);
                self.is_at_top = is_at_top;
            }
        }
    }

    fn variables(&mut self, variables: &VariableDeclaration<'_>) {
        for one in variables.declarations.iter().filter(|one| self.has_problem(one.span)).collect::<Vec<_>>()
        {
            if let (BindingPattern::BindingIdentifier(id), None) = (&one.id, &one.type_annotation) {
                self.constant(one, id.name.as_str());
            } else {
                let names = one.id.get_binding_identifiers();
                let each = names
                    .iter()
                    .map(|id| format!("{}: {} = 0 as any", id.name, self.type_of(id.name.as_str())));
                let each: Vec<_> = each.collect();
                self.edits.replace(one.span, each.join(", "));
            }
        }
    }

    fn constant(&mut self, one: &VariableDeclarator<'_>, name: &str) {
        match one.init.as_ref().map(Expression::get_inner_expression) {
            Some(Expression::ArrowFunctionExpression(arrow)) if self.has_parentheses(arrow.params.span) => {
                self.note(name);
                self.signature(&arrow.params, arrow.return_type.is_some());
            }
            Some(Expression::FunctionExpression(function)) => {
                self.note(name);
                self.signature(&function.params, function.return_type.is_some());
            }
            _ => {
                let text = self.type_of(name);
                self.edits.insert(one.id.span().end, format!(": {text}"));
            }
        }
    }

    /// `n => n` has none.
    fn has_parentheses(&self, parameters: Span) -> bool {
        self.scale == Scale::Members && parameters.source_text(self.source).starts_with('(')
    }

    /// The known type of a name, or `any`, which is noted.
    fn type_of(&mut self, name: &str) -> String {
        if let Some(known) = (self.known)(name).filter(|_| self.is_at_top) {
            known.text
        } else {
            self.note(name);
            "any".to_owned()
        }
    }

    fn note(&mut self, name: &str) {
        if self.is_at_top && !self.untyped.iter().any(|known| known == name) {
            self.untyped.push(name.to_owned());
        }
    }
}
