//! Imports and exports that are gone when the types are: which they are only the modules together can tell.

use std::rc::Rc;

use oxc::ast::ast::{ModuleExportName, Program, Statement};

use crate::evaluation::name_origins::{exported_origin, local_origin};
use crate::source::import_resolution::is_relative;
use crate::source::module_graph::{Import, Module, ModuleGraph};

/// Takes names out of import and export lists that stand for nothing at run time, and what says of which kind an
/// imported file is: all files of a client are JavaScript.
pub(super) fn remove_type_only_names<'a>(
    graph: &ModuleGraph<'a>,
    module: &Rc<Module<'a>>,
    program: &mut Program<'_>,
) {
    for statement in &mut program.body {
        match statement {
            // `export { A }`. An import that is not used any more then goes by itself.
            Statement::ExportNamedDeclaration(list) => {
                list.specifiers.retain(|one| {
                    local_origin(graph, module, one.local.name().as_str())
                        .is_none_or(|origin| origin.is_value)
                });
            }
            // `export { A } from './a'`
            Statement::ExportFromDeclaration(list) => {
                let from = graph.import(&module.path, list.source.value.as_str());
                list.specifiers.retain(|one| !is_type(graph, &from, &one.local));
                remove_attributes(list.source.value.as_str(), &mut list.with_clause);
            }
            Statement::ExportAllDeclaration(all) => {
                remove_attributes(all.source.value.as_str(), &mut all.with_clause);
            }
            Statement::ImportDeclaration(import) => {
                remove_attributes(import.source.value.as_str(), &mut import.with_clause);
            }
            _ => {}
        }
    }
}

fn is_type<'a>(graph: &ModuleGraph<'a>, from: &Import<'a>, name: &ModuleExportName<'_>) -> bool {
    match from {
        Import::Module(other) => {
            exported_origin(graph, other, name.name().as_str()).is_some_and(|origin| !origin.is_value)
        }
        _ => false,
    }
}

/// `with { type: 'json' }`, in the declarations as well.
pub(super) fn remove_attributes<T>(specifier: &str, attributes: &mut Option<T>) {
    if is_relative(specifier) {
        *attributes = None;
    }
}
