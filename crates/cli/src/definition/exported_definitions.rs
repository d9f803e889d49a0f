//! What `config.ts` exports, and which of it is a definition.

use std::rc::Rc;

use oxc::ast::ast::{BindingPattern, Declaration, Statement, VariableDeclarator};

use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::module_names::ImportedName;
use crate::evaluation::name_origins::exported_origins;
use crate::evaluation::value::{Definition, Value};
use crate::source::module_graph::{Module, ModuleGraph};

/// A definition under its name in the client.
pub(crate) struct ExportedDefinition<'a> {
    pub(crate) name: String,
    pub(crate) definition: Rc<Definition<'a>>,
}

/// All names that a module exports as values, in the order of the source, with those that `export *` brings.
pub(crate) fn exported_names<'a>(graph: &ModuleGraph<'a>, module: &Rc<Module<'a>>) -> Vec<String> {
    let values = exported_origins(graph, module).into_iter().filter(|(_, origin)| origin.is_value);
    values.map(|(name, _)| name).collect()
}

/// The definitions among what a module exports by name.
pub(crate) fn exported_definitions<'a>(
    evaluator: &Evaluator<'_, 'a>,
    graph: &ModuleGraph<'a>,
    module: &Rc<Module<'a>>,
) -> Vec<ExportedDefinition<'a>> {
    let names = exported_names(graph, module).into_iter();
    let definitions = names.filter_map(|name| match evaluator.export(module, ImportedName::Named(&name)) {
        Value::Definition(definition) => Some(ExportedDefinition { name, definition }),
        _ => None,
    });
    definitions.collect()
}

/// The constants at the top of a module that are definitions, exported or not, and have no type of their own.
pub(crate) fn defined_constants<'a>(
    evaluator: &Evaluator<'_, 'a>,
    module: &Rc<Module<'a>>,
) -> Vec<(&'a VariableDeclarator<'a>, Rc<Definition<'a>>)> {
    let statements = module.program.iter().flat_map(|program| &program.body);
    let declarations = statements.filter_map(|statement| match statement {
        Statement::ExportDeclaration(export) => Some(&export.declaration),
        statement => statement.as_declaration(),
    });
    let declarators = declarations.flat_map(|declaration| match declaration {
        Declaration::VariableDeclaration(variables) => variables.declarations.iter().collect(),
        _ => Vec::new(),
    });
    let defined = declarators.filter_map(|one| {
        let (BindingPattern::BindingIdentifier(_), Some(init), None) =
            (&one.id, &one.init, &one.type_annotation)
        else {
            return None;
        };
        match evaluator.constant(module, init) {
            Value::Definition(definition) => Some((one, definition)),
            _ => None,
        }
    });
    defined.collect()
}
