//! Reports imports that lead nowhere.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use oxc::diagnostics::OxcDiagnostic;

use super::module_specifiers::{ModuleSpecifier, module_specifiers};
use crate::evaluation::name_origins::{exported_origin, is_closed};
use crate::source::importable_packages::is_importable;
use crate::source::module_graph::{Module, ModuleGraph};
use crate::source::module_path::ModulePath;

/// Reports each of them once.
pub(super) struct ImportProblems<'g, 'a> {
    graph: &'g ModuleGraph<'a>,
    /// Where packages are looked up; `None` leaves them unchecked.
    packages: Option<&'g Path>,
    /// Module, specifier and message.
    reported: BTreeSet<(ModulePath, String, String)>,
}

impl<'g, 'a> ImportProblems<'g, 'a> {
    pub(super) fn new(graph: &'g ModuleGraph<'a>, packages: Option<&'g Path>) -> Self {
        Self { graph, packages, reported: BTreeSet::new() }
    }

    pub(super) fn missing(&mut self, module: &Module<'a>, specifier: &str) {
        let problem = OxcDiagnostic::error(format!("cannot find '{specifier}'")).with_help(
            "looked for it with .ts, .mts, .cts, .d.ts, .js, .mjs, .cjs, .json and as a folder with an index",
        );
        self.report(module, specifier, problem, "no such file");
    }

    pub(super) fn look_for_package(&mut self, module: &Module<'a>, specifier: &str, is_value: bool) {
        if specifier.starts_with('#') {
            let problem = OxcDiagnostic::error(format!("'{specifier}' means nothing where the client is"))
                .with_help("import the file by a relative path");
            return self.report(module, specifier, problem, "known to the package.json of this project only");
        }
        if self.packages.is_none_or(|folder| is_importable(folder, specifier)) {
            return;
        }
        let message = format!("cannot find the package '{specifier}'");
        // Types may be in a package of another name.
        let problem = if is_value { OxcDiagnostic::error(message) } else { OxcDiagnostic::warn(message) };
        let problem =
            problem.with_help("install it; or, if it is a path alias, import the file by a relative path");
        self.report(module, specifier, problem, "not installed");
    }

    /// Node refuses to load a module that imports what another does not export.
    pub(super) fn look_for_values(
        &mut self,
        module: &Module<'a>,
        specifier: &ModuleSpecifier,
        imported: &Rc<Module<'a>>,
    ) {
        let Some(running) = self.graph.running(imported) else {
            let problem = OxcDiagnostic::error(format!("'{}' only declares what it exports", specifier.name))
                .with_help("put the JavaScript beside it, or import nothing but types");
            return self.report(module, &specifier.name, problem, "no JavaScript");
        };
        let names = specifier.names.iter().flatten();
        for name in names.filter(|name| exported_origin(self.graph, &running, name).is_none()) {
            if is_closed(self.graph, &running) {
                let problem = OxcDiagnostic::error(format!("{} has no export `{name}`", running.path));
                self.report_name(module, &specifier.name, Some(name), problem, "imported from here");
            }
        }
    }

    fn report(&mut self, module: &Module<'a>, specifier: &str, problem: OxcDiagnostic, label: &'static str) {
        self.report_name(module, specifier, None, problem, label);
    }

    /// `name` is what is imported.
    fn report_name(
        &mut self,
        module: &Module<'a>,
        specifier: &str,
        name: Option<&str>,
        problem: OxcDiagnostic,
        label: &'static str,
    ) {
        if !self.reported.insert((module.path.clone(), specifier.to_owned(), problem.message.to_string())) {
            return;
        }
        let places: Vec<_> = module.program.into_iter().flat_map(module_specifiers).collect();
        let mut places = places.into_iter().filter(|one| one.name == specifier);
        let place = places.find(|one| name.is_none_or(|name| one.takes(name)));
        let span = place.map(|one| one.span).unwrap_or_default();
        let problem = problem.with_error_code("csbroker", "unresolved-import").with_label(span.label(label));
        self.graph.report(module, problem);
    }
}
