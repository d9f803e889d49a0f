//! What an ES module may do and a `CommonJS` one may not. The client has to be both.

use oxc::ast::AstKind;
use oxc::ast::ast::{Declaration, Program, Statement, TSModuleReference};
use oxc::diagnostics::OxcDiagnostic;
use oxc::span::Span;

use crate::evaluation::module_names::{Binding, declaration};
use crate::source::module_graph::{Module, ModuleGraph};
use crate::source::node_walk::{NodeListener, walk_nodes};

/// Names that only `CommonJS` has.
const COMMONJS_NAMES: [&str; 5] = ["require", "module", "exports", "__dirname", "__filename"];

/// Reports what keeps a module from becoming a part of the client.
pub(crate) fn check_commonjs_limits(graph: &ModuleGraph<'_>, module: &Module<'_>) {
    let Some(program) = module.program else { return };
    let mut limits = Limits::default();
    walk_nodes(program, &mut limits);
    for span in limits.awaits {
        let problem = OxcDiagnostic::error("`await` outside of a function cannot become part of the client")
            .with_error_code("csbroker", "top-level-await")
            .with_label(span.label("waits while the module is loaded"))
            .with_help(
                "the client is also loaded by `require`, which cannot wait: put it into an async function",
            );
        graph.report(module, problem);
    }
    for span in limits.metas {
        let problem = OxcDiagnostic::error("`import.meta` cannot become part of the client")
            .with_error_code("csbroker", "import-meta")
            .with_label(span.label("not known to CommonJS, and the client is elsewhere"))
            .with_help("take the value from an environment variable, or compute it where it is used");
        graph.report(module, problem);
    }
    check_old_syntax(graph, module, program);
    if let Some(name) = COMMONJS_NAMES.into_iter().find(|name| is_declared(module, name)) {
        let problem = OxcDiagnostic::error(format!("`{name}` is a name that CommonJS has given away"))
            .with_error_code("csbroker", "commonjs")
            .with_label(declared_span(program, name).label("declared here"))
            .with_help("give it another name: the client is also loaded by `require`");
        graph.report(module, problem);
    }
    if let Some(name) = COMMONJS_NAMES.into_iter().find(|name| module.unresolved.contains(*name)) {
        let span = reference(program, name);
        let problem = OxcDiagnostic::error(format!("`{name}` cannot become part of the client"))
            .with_error_code("csbroker", "commonjs")
            .with_label(span.label("not known to ES modules, and the client is elsewhere"))
            .with_help("write `import` and `export` instead");
        graph.report(module, problem);
    }
}

/// `import a = require('./a')` and `export = a`.
fn check_old_syntax(graph: &ModuleGraph<'_>, module: &Module<'_>, program: &Program<'_>) {
    for statement in &program.body {
        let (span, name, instead) = match (statement, declaration(statement)) {
            (Statement::TSExportAssignment(one), _) => (one.span, "export =", "export default"),
            (_, Some(Declaration::TSImportEqualsDeclaration(one)))
                if matches!(one.module_reference, TSModuleReference::ExternalModuleReference(_)) =>
            {
                (one.span, "import = require()", "import … from")
            }
            _ => continue,
        };
        let problem = OxcDiagnostic::error(format!("`{name}` cannot become part of the client"))
            .with_error_code("csbroker", "commonjs")
            .with_label(span.label("not known to ES modules"))
            .with_help(format!("write `{instead}` instead"));
        graph.report(module, problem);
    }
}

#[derive(Default)]
struct Limits {
    awaits: Vec<Span>,
    metas: Vec<Span>,
    /// How many of `awaits` there were outside of the functions and classes that are being walked over.
    outside: Vec<usize>,
}

impl<'a> NodeListener<'a> for Limits {
    fn enter(&mut self, node: AstKind<'a>) {
        match node {
            AstKind::AwaitExpression(one) => self.awaits.push(one.span),
            AstKind::ForOfStatement(one) if one.r#await => {
                self.awaits.push(Span::new(one.span.start, one.span.start + 9));
            }
            AstKind::ImportMeta(one) => self.metas.push(one.span),
            _ if may_wait(node) => self.outside.push(self.awaits.len()),
            _ => {}
        }
    }

    fn leave(&mut self, node: AstKind<'a>) {
        if may_wait(node)
            && let Some(before) = self.outside.pop()
        {
            self.awaits.truncate(before);
        }
    }
}

/// Within functions and classes one may wait; `import.meta` is found there, too.
fn may_wait(node: AstKind<'_>) -> bool {
    matches!(node, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::Class(_))
}

/// Imports become something else.
fn is_declared(module: &Module<'_>, name: &str) -> bool {
    module.names.binding(name).is_some_and(|binding| !matches!(binding, Binding::Import { .. }))
}

fn declared_span(program: &Program<'_>, name: &str) -> Span {
    first_span(program, |node| match node {
        AstKind::BindingIdentifier(one) if one.name == name => Some(one.span),
        _ => None,
    })
}

fn reference(program: &Program<'_>, name: &str) -> Span {
    first_span(program, |node| match node {
        AstKind::IdentifierReference(one) if one.name == name => Some(one.span),
        _ => None,
    })
}

fn first_span(program: &Program<'_>, span_of: impl Fn(AstKind<'_>) -> Option<Span>) -> Span {
    let mut first = None;
    walk_nodes(program, &mut |node: AstKind<'_>| first = first.or_else(|| span_of(node)));
    first.unwrap_or_default()
}
