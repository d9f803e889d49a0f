//! What an ES module may do and a `CommonJS` one may not. The client has to be both.

use oxc::ast::ast::{
    ArrowFunctionExpression, AwaitExpression, BindingIdentifier, Class, Declaration, ForOfStatement,
    Function, ImportMeta, Program, Statement, TSModuleReference,
};
use oxc::ast_visit::{Visit, walk};
use oxc::diagnostics::OxcDiagnostic;
use oxc::span::Span;
use oxc::syntax::scope::ScopeFlags;

use crate::evaluation::module_names::{Binding, declaration};
use crate::source::module_graph::{Module, ModuleGraph};

/// Names that only `CommonJS` has.
const COMMONJS_NAMES: [&str; 5] = ["require", "module", "exports", "__dirname", "__filename"];

/// Reports what keeps a module from becoming a part of the client.
pub(crate) fn check_commonjs_limits(graph: &ModuleGraph<'_>, module: &Module<'_>) {
    let Some(program) = module.program else { return };
    let mut limits = Limits::default();
    limits.visit_program(program);
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
}

impl<'a> Visit<'a> for Limits {
    fn visit_await_expression(&mut self, one: &AwaitExpression<'a>) {
        self.awaits.push(one.span);
    }

    fn visit_for_of_statement(&mut self, one: &ForOfStatement<'a>) {
        if one.r#await {
            self.awaits.push(Span::new(one.span.start, one.span.start + 9));
        }
        walk::walk_for_of_statement(self, one);
    }

    fn visit_import_meta(&mut self, one: &ImportMeta) {
        self.metas.push(one.span);
    }

    // Within functions and classes one may wait; `import.meta` is found there, too.
    fn visit_function(&mut self, one: &Function<'a>, flags: ScopeFlags) {
        self.without_awaits(|limits| walk::walk_function(limits, one, flags));
    }

    fn visit_arrow_function_expression(&mut self, one: &ArrowFunctionExpression<'a>) {
        self.without_awaits(|limits| walk::walk_arrow_function_expression(limits, one));
    }

    fn visit_class(&mut self, one: &Class<'a>) {
        self.without_awaits(|limits| walk::walk_class(limits, one));
    }
}

impl Limits {
    fn without_awaits(&mut self, walk: impl FnOnce(&mut Self)) {
        let before = self.awaits.len();
        walk(self);
        self.awaits.truncate(before);
    }
}

/// Imports become something else.
fn is_declared(module: &Module<'_>, name: &str) -> bool {
    module.names.binding(name).is_some_and(|binding| !matches!(binding, Binding::Import { .. }))
}

fn declared_span(program: &Program<'_>, name: &str) -> Span {
    struct Declared<'n>(&'n str, Option<Span>);
    impl<'a> Visit<'a> for Declared<'_> {
        fn visit_binding_identifier(&mut self, one: &BindingIdentifier<'a>) {
            if one.name == self.0 {
                self.1.get_or_insert(one.span);
            }
        }
    }
    let mut declared = Declared(name, None);
    declared.visit_program(program);
    declared.1.unwrap_or_default()
}

fn reference(program: &Program<'_>, name: &str) -> Span {
    struct Reference<'n>(&'n str, Option<Span>);
    impl<'a> Visit<'a> for Reference<'_> {
        fn visit_identifier_reference(&mut self, one: &oxc::ast::ast::IdentifierReference<'a>) {
            if one.name == self.0 {
                self.1.get_or_insert(one.span);
            }
        }
    }
    let mut reference = Reference(name, None);
    reference.visit_program(program);
    reference.1.unwrap_or_default()
}
