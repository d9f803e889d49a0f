//! What the files of a client are called.

use std::collections::BTreeMap;
use std::rc::Rc;

use oxc::diagnostics::OxcDiagnostic;
use oxc::span::Span;

use super::entry_files::{ENTRY, LOAD_ENV};
use crate::source::module_graph::{Module, ModuleGraph};
use crate::source::module_path::ModulePath;

/// Gives names to modules, and knows which are taken.
pub(super) struct ClientNames<'g, 'a> {
    graph: &'g ModuleGraph<'a>,
    /// `None` are those of the entry.
    owners: BTreeMap<String, Option<ModulePath>>,
}

impl<'g, 'a> ClientNames<'g, 'a> {
    pub(super) fn new(graph: &'g ModuleGraph<'a>) -> Self {
        let own = [ENTRY, LOAD_ENV.trim_end_matches(".js")];
        Self { graph, owners: own.map(|name| (name.to_owned(), None)).into() }
    }

    /// The name of a module's files, without what tells JavaScript and declarations apart.
    pub(super) fn stem(&mut self, module: &Rc<Module<'a>>) -> String {
        let stem = module.path.client_stem();
        let owner = self.owners.entry(stem.to_owned()).or_insert_with(|| Some(module.path.clone()));
        if owner.as_ref() != Some(&module.path) {
            let other =
                owner.as_ref().map_or_else(|| "the client's own entry".to_owned(), ToString::to_string);
            let problem = OxcDiagnostic::error(format!(
                "{} and {other} would get the same name in the client",
                module.path
            ))
            .with_error_code("csbroker", "same-name")
            .with_label(Span::new(0, 0))
            .with_help("rename one of them");
            self.owners.insert(stem.to_owned(), Some(module.path.clone()));
            self.graph.report(module, problem);
        }
        stem.to_owned()
    }
}

/// How a module names another file of the client.
pub(super) fn relative(from: &Module<'_>, stem: &str, extension: &str) -> String {
    let up = "../".repeat(from.path.depth());
    format!("{}{stem}{extension}", if up.is_empty() { "./".to_owned() } else { up })
}
