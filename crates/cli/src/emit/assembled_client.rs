//! All files of a client: the user's modules as far as the client needs them, and the entry.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use oxc::span::SourceType;

use super::client_entry::write_entry;
use super::client_names::{ClientNames, relative};
use super::commonjs::to_commonjs;
use super::commonjs_limits::check_commonjs_limits;
use super::declarations::declare;
use super::entry_files::HEADER;
use super::import_problems::ImportProblems;
use super::javascript::javascript;
use super::json_module::{json_as_javascript, json_declarations};
use super::known_types::known_type;
use super::module_specifiers::{ModuleSpecifier, rename_modules};
use super::untyped_exports::report_untyped;
use crate::compile::ClientFiles;
use crate::definition::exported_definitions::ExportedDefinition;
use crate::definition::payload_types::{PayloadTypes, SCHEMA_SPECIFIER};
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::value::DefinitionKind;
use crate::source::module_graph::{DEFINE, Import, Module, ModuleGraph, PACKAGE};
use crate::source::module_path::ModulePath;

/// What the client is made of.
pub(crate) struct ClientParts<'p, 'a> {
    pub(crate) graph: &'p ModuleGraph<'a>,
    pub(crate) evaluator: &'p Evaluator<'p, 'a>,
    pub(crate) config: Rc<Module<'a>>,
    pub(crate) schema: Option<Rc<Module<'a>>>,
    pub(crate) definitions: &'p [ExportedDefinition<'a>],
    pub(crate) payloads: &'p PayloadTypes,
    pub(crate) packages: Option<&'p Path>,
}

/// Writes everything. What cannot be written was reported.
pub(crate) fn assemble(parts: &ClientParts<'_, '_>) -> ClientFiles {
    let mut client = Client {
        parts,
        files: ClientFiles::new(),
        names: ClientNames::new(parts.graph),
        problems: ImportProblems::new(parts.graph, parts.packages),
    };
    let roots: Vec<_> =
        [Some(&parts.config), parts.schema.as_ref()].into_iter().flatten().map(Rc::clone).collect();
    client.all_javascript(&roots);
    client.all_declarations(&roots);
    write_entry(parts, &mut client.files);
    client.files
}

struct Client<'c, 'p, 'a> {
    parts: &'c ClientParts<'p, 'a>,
    files: ClientFiles,
    names: ClientNames<'p, 'a>,
    problems: ImportProblems<'p, 'a>,
}

type Queue<'a> = Vec<Rc<Module<'a>>>;

impl<'a> Client<'_, '_, 'a> {
    /// The roots and what they import as values.
    fn all_javascript(&mut self, roots: &[Rc<Module<'a>>]) {
        let (mut queue, mut done): (Queue<'a>, BTreeSet<ModulePath>) = (roots.to_vec(), BTreeSet::new());
        while let Some(module) = queue.pop() {
            // The JavaScript of a declaration file goes by the name of that.
            let Some(running) = self.parts.graph.running(&module) else { continue };
            if !done.insert(module.path.clone()) {
                continue;
            }
            check_commonjs_limits(self.parts.graph, &running);
            let text = match running.is_json() {
                true => json_as_javascript(self.parts.graph, &running),
                false if running.program.is_none() => None,
                false => javascript(self.parts.graph, &running),
            };
            let Some(text) = text else { continue };
            let esm = self.renamed(&running, &text, ".mjs", &mut queue);
            let cjs = to_commonjs(&self.renamed(&running, &text, ".js", &mut Vec::new()));
            let stem = self.names.stem(&module);
            self.files.insert(format!("{stem}.mjs"), format!("{HEADER}{esm}"));
            self.files.insert(format!("{stem}.js"), format!("{HEADER}{cjs}"));
        }
    }

    fn renamed(
        &mut self,
        module: &Rc<Module<'a>>,
        text: &str,
        extension: &str,
        queue: &mut Queue<'a>,
    ) -> String {
        rename_modules(text, SourceType::mjs(), |specifier| {
            match self.parts.graph.import(&module.path, &specifier.name) {
                Import::Module(imported) => {
                    self.problems.look_for_values(module, specifier, &imported);
                    let name = relative(module, &self.names.stem(&imported), extension);
                    queue.push(imported);
                    Some(name)
                }
                Import::Broker => Some(broker_module(specifier).to_owned()),
                Import::Package => {
                    self.problems.look_for_package(module, &specifier.name, true);
                    None
                }
                Import::Missing => {
                    self.problems.missing(module, &specifier.name);
                    None
                }
            }
        })
    }

    /// The roots and what their declarations name.
    fn all_declarations(&mut self, roots: &[Rc<Module<'a>>]) {
        let (mut queue, mut done): (Queue<'a>, BTreeSet<ModulePath>) = (roots.to_vec(), BTreeSet::new());
        while let Some(module) = queue.pop() {
            if !done.insert(module.path.clone()) {
                continue;
            }
            let text = self.declarations(&module);
            let stem = self.names.stem(&module);
            for (extension, of_javascript) in [(".d.ts", ".js"), (".d.mts", ".mjs")] {
                let text = self.renamed_types(&module, &text, of_javascript, &mut queue);
                self.files.insert(format!("{stem}{extension}"), format!("{HEADER}{text}"));
            }
        }
    }

    fn declarations(&self, module: &Rc<Module<'a>>) -> String {
        if module.is_json() {
            return json_declarations(module);
        }
        if module.is_declaration() {
            return module.source.to_string();
        }
        let declared =
            declare(module, |name| known_type(self.parts.evaluator, self.parts.payloads, module, name));
        report_untyped(self.parts.graph, module, &declared.untyped);
        declared.text
    }

    fn renamed_types(
        &mut self,
        module: &Rc<Module<'a>>,
        text: &str,
        extension: &str,
        queue: &mut Queue<'a>,
    ) -> String {
        rename_modules(text, SourceType::d_ts(), |specifier| {
            if specifier.name == SCHEMA_SPECIFIER {
                let schema = self.parts.schema.as_ref()?;
                return Some(relative(module, &self.names.stem(schema), extension));
            }
            match self.parts.graph.import(&module.path, &specifier.name) {
                Import::Module(imported) => {
                    let name = relative(module, &self.names.stem(&imported), extension);
                    queue.push(imported);
                    Some(name)
                }
                Import::Broker => None,
                Import::Package => {
                    self.problems.look_for_package(module, &specifier.name, false);
                    None
                }
                Import::Missing => {
                    self.problems.missing(module, &specifier.name);
                    None
                }
            }
        })
    }
}

/// Importing a client loads the native part only if the user himself needs more than the `define*` functions.
fn broker_module(specifier: &ModuleSpecifier) -> &'static str {
    let defines = |names: &Vec<String>| names.iter().all(|name| DefinitionKind::of_function(name).is_some());
    if specifier.names.as_ref().is_some_and(defines) { DEFINE } else { PACKAGE }
}
