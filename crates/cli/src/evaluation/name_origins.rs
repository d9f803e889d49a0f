//! Where names come from, through imports and re-exports, and whether they stand for anything at run time.

use std::collections::HashSet;
use std::rc::Rc;

use super::module_names::{Binding, Export, ImportedName};
use crate::source::module_graph::{Import, Module, ModuleGraph};
use crate::source::module_path::ModulePath;

/// Re-exports that are followed; what is longer leads in a circle.
const LONGEST_WAY: usize = 100;

/// The end of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    place: Place,
    name: String,
    /// Not only a type.
    pub(crate) is_value: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Module(ModulePath),
    Package(String),
}

impl Origin {
    /// Whether it is the same thing, be it as a value or as a type.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.place == other.place && self.name == other.name
    }

    /// The module that declares it, and its name there. `None` for what comes from a package.
    pub(crate) fn declaration<'a>(&self, graph: &ModuleGraph<'a>) -> Option<(Rc<Module<'a>>, &str)> {
        match &self.place {
            Place::Module(path) => Some((graph.module(path)?, &self.name)),
            Place::Package(_) => None,
        }
    }
}

/// Everything that a module exports by name, types as well, with what `export *` brings.
pub(crate) fn exported_origins<'a>(
    graph: &ModuleGraph<'a>,
    module: &Rc<Module<'a>>,
) -> Vec<(String, Origin)> {
    let mut found: Vec<(String, Origin)> = Vec::new();
    collect(graph, module, &mut found, &mut HashSet::new(), &mut Vec::new());
    found.retain(|(name, _)| name != "default");
    found
}

fn collect<'a>(
    graph: &ModuleGraph<'a>,
    module: &Rc<Module<'a>>,
    found: &mut Vec<(String, Origin)>,
    names: &mut HashSet<&'a str>,
    seen: &mut Vec<ModulePath>,
) {
    if seen.contains(&module.path) {
        return;
    }
    seen.push(module.path.clone());
    for (name, _) in module.names.exports().iter().chain(module.names.type_exports()) {
        if names.insert(name)
            && let Some(origin) = exported_origin(graph, module, name)
        {
            found.push(((*name).to_owned(), origin));
        }
    }
    for star in module.names.stars().iter().chain(module.names.type_stars()) {
        if let Import::Module(other) = graph.import(&module.path, star) {
            collect(graph, &other, found, names, seen);
        }
    }
}

/// Where an exported name comes from. `None` if there is no such export, as far as can be seen.
pub(crate) fn exported_origin<'a>(
    graph: &ModuleGraph<'a>,
    module: &Rc<Module<'a>>,
    name: &str,
) -> Option<Origin> {
    Way { graph, length: 0 }.exported(module, name)
}

/// Where a name comes from that a module uses.
pub(crate) fn local_origin<'a>(
    graph: &ModuleGraph<'a>,
    module: &Rc<Module<'a>>,
    name: &str,
) -> Option<Origin> {
    Way { graph, length: 0 }.local(module, name)
}

/// Whether what a module exports can be seen as a whole.
pub(crate) fn is_closed<'a>(graph: &ModuleGraph<'a>, module: &Rc<Module<'a>>) -> bool {
    let mut queue = vec![Rc::clone(module)];
    let mut seen: Vec<ModulePath> = Vec::new();
    while let Some(module) = queue.pop() {
        if seen.contains(&module.path) {
            continue;
        }
        seen.push(module.path.clone());
        // CommonJS has its own way.
        let is_commonjs = |module: &Module<'_>| {
            module.unresolved.contains("module") || module.unresolved.contains("exports")
        };
        if module.program.is_none() || is_commonjs(&module) {
            return false;
        }
        for star in module.names.stars() {
            match graph.import(&module.path, star) {
                Import::Module(other) => queue.push(other),
                _ => return false,
            }
        }
    }
    true
}

struct Way<'g, 'a> {
    graph: &'g ModuleGraph<'a>,
    length: usize,
}

impl<'a> Way<'_, 'a> {
    fn exported(&mut self, module: &Rc<Module<'a>>, name: &str) -> Option<Origin> {
        self.length += 1;
        if self.length > LONGEST_WAY {
            return None;
        }
        if module.is_declaration() {
            let value = self.graph.running(module).and_then(|running| self.exported(&running, name));
            return value.or_else(|| Some(declared(module, name, false)));
        }
        if module.program.is_none() {
            return Some(declared(module, name, true));
        }
        let value = module.names.export(name).and_then(|export| self.end(module, export));
        match value {
            Some(origin) => Some(origin),
            None => match module.names.type_export(name) {
                Some(export) => self.end(module, export).map(|origin| Origin { is_value: false, ..origin }),
                None if name == "default" => None,
                None => self.behind_stars(module, name),
            },
        }
    }

    fn behind_stars(&mut self, module: &Rc<Module<'a>>, name: &str) -> Option<Origin> {
        let values = module.names.stars().iter().map(|star| (star, true));
        let types = module.names.type_stars().iter().map(|star| (star, false));
        for (star, is_value) in values.chain(types) {
            if let Import::Module(other) = self.graph.import(&module.path, star)
                && let Some(origin) = self.exported(&other, name)
            {
                return Some(Origin { is_value: is_value && origin.is_value, ..origin });
            }
        }
        None
    }

    fn end(&mut self, module: &Rc<Module<'a>>, export: Export<'a>) -> Option<Origin> {
        match export {
            Export::Local(local) => self.local(module, local),
            Export::DefaultExpression(_) | Export::Anonymous => Some(declared(module, "default", true)),
            Export::From { specifier, name } => self.through(module, specifier, name),
        }
    }

    fn local(&mut self, module: &Rc<Module<'a>>, name: &str) -> Option<Origin> {
        match module.names.binding(name) {
            Some(Binding::Import { specifier, name }) => self.through(module, specifier, name),
            Some(_) => Some(declared(module, name, true)),
            None => Some(declared(module, name, module.unresolved.contains(name))),
        }
    }

    fn through(
        &mut self,
        module: &Rc<Module<'a>>,
        specifier: &str,
        name: ImportedName<'_>,
    ) -> Option<Origin> {
        let name = match name {
            ImportedName::Named(name) => name,
            ImportedName::Default => "default",
            ImportedName::Namespace => "*",
        };
        match self.graph.import(&module.path, specifier) {
            Import::Module(other) if name == "*" => Some(declared(&other, name, true)),
            Import::Module(other) => self.exported(&other, name),
            Import::Broker | Import::Package | Import::Missing => Some(Origin {
                place: Place::Package(specifier.to_owned()),
                name: name.to_owned(),
                is_value: true,
            }),
        }
    }
}

fn declared(module: &Module<'_>, name: &str, is_value: bool) -> Origin {
    Origin { place: Place::Module(module.path.clone()), name: name.to_owned(), is_value }
}
