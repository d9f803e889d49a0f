//! TypeScript without its types.

use std::path::Path;
use std::rc::Rc;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::Program;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions, IndentChar};
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::transformer::{
    DecoratorOptions, HelperLoaderMode, HelperLoaderOptions, TransformOptions, Transformer,
};

use super::type_only_names::remove_type_only_names;
use crate::evaluation::value::DefinitionKind;
use crate::source::module_graph::{DEFINE, Module, ModuleGraph};
use crate::source::node_walk::walk_nodes;

/// Decorators as Nest and class-validator have them, `experimentalDecorators`; Node itself has none.
const DECORATORS: &str = include_str!("decorators.js");
/// How the printed code uses what is in there.
const DECORATE: &str = "babelHelpers.decorate";
/// What the printed code has for `using`, which no supported Node has itself.
const DISPOSE: &str = "babelHelpers.usingCtx";
/// The oldest Node that runs a client.
const TARGET: &str = "node16.20";

/// The module as an ES module in JavaScript, importing what it takes for granted. `None` if that was reported to be
/// impossible.
pub(super) fn javascript<'a>(graph: &ModuleGraph<'a>, module: &Rc<Module<'a>>) -> Option<String> {
    let arena = Allocator::default();
    let parsed = Parser::new(&arena, &module.source, module.source_type()).parse();
    let mut program = parsed.program;
    program.hashbang = None;
    remove_type_only_names(graph, module, &mut program);
    let is_whole = strip_types(graph, module, &arena, &mut program);
    let printed = Codegen::new().with_options(options_of(CommentOptions::disabled())).build(&program).code;
    let decorators = if printed.contains(DECORATE) { DECORATORS } else { "" };
    if printed.contains(DISPOSE) {
        report_using(graph, module);
        return None;
    }
    let taken: Vec<_> = functions().into_iter().filter(|name| module.unresolved.contains(*name)).collect();
    let import = if taken.is_empty() {
        String::new()
    } else {
        format!("import {{ {} }} from \"{DEFINE}\";\n", taken.join(", "))
    };
    is_whole.then(|| format!("{import}{decorators}{printed}"))
}

/// Whether nothing was reported that makes it impossible.
fn strip_types<'b>(
    graph: &ModuleGraph<'_>,
    module: &Module<'_>,
    arena: &'b Allocator,
    program: &mut Program<'b>,
) -> bool {
    let semantic = SemanticBuilder::new().with_excess_capacity(2.0).with_enum_eval(true).build(program);
    let scoping = semantic.semantic.into_scoping();
    let options = TransformOptions {
        decorator: DecoratorOptions { legacy: true, ..DecoratorOptions::default() },
        helper_loader: HelperLoaderOptions {
            mode: HelperLoaderMode::External,
            ..HelperLoaderOptions::default()
        },
        ..TransformOptions::from_target(TARGET).unwrap_or_default()
    };
    let path = module.path.to_string();
    let transformed =
        Transformer::new(arena, Path::new(&path), &options).build_with_scoping(scoping, program);
    let mut is_whole = true;
    for problem in transformed.diagnostics.into_vec() {
        is_whole &= problem.severity != Severity::Error;
        graph.report(module, problem);
    }
    is_whole
}

fn report_using(graph: &ModuleGraph<'_>, module: &Module<'_>) {
    let mut declared = None;
    let mut find = |node: AstKind<'_>| match node {
        AstKind::VariableDeclaration(one) if one.kind.is_using() => _ = declared.get_or_insert(one.span),
        _ => {}
    };
    if let Some(program) = module.program {
        walk_nodes(program, &mut find);
    }
    let problem = OxcDiagnostic::error("`using` cannot become part of the client")
        .with_error_code("csbroker", "using")
        .with_label(declared.unwrap_or_default().label("not known to every Node that may load the client"))
        .with_help("use `try` and `finally`");
    graph.report(module, problem);
}

/// How everything is printed.
pub(super) fn options_of(comments: CommentOptions) -> CodegenOptions {
    CodegenOptions { comments, indent_char: IndentChar::Space, indent_width: 2, ..CodegenOptions::default() }
}

fn functions() -> [&'static str; 4] {
    use DefinitionKind::{Broker, Consumer, Producer, Topic};
    [Broker, Topic, Producer, Consumer].map(DefinitionKind::function)
}
