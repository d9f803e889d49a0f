//! The names of a module: what they are bound to, and under which ones it is seen from outside.

use std::collections::HashMap;

use oxc::ast::ast::{
    BindingIdentifier, ExportDefaultDeclarationKind, ExportSpecifier, ImportOrExportKind, Program, Statement,
};

use super::module_names::{
    Binding, Export, ImportedName, Written, bindings, declaration, declared_names, declared_types,
    function_binding, imported, imported_name,
};

/// Made once, when a module is parsed.
#[derive(Default)]
pub(crate) struct NameIndex<'a> {
    bindings: HashMap<&'a str, Binding<'a>>,
    exports: Vec<Written<'a>>,
    export_of: HashMap<&'a str, Export<'a>>,
    type_exports: Vec<Written<'a>>,
    type_export_of: HashMap<&'a str, Export<'a>>,
    stars: Vec<&'a str>,
    type_stars: Vec<&'a str>,
}

impl<'a> NameIndex<'a> {
    pub(crate) fn of(program: &'a Program<'a>) -> Self {
        let mut names = Self::default();
        for statement in &program.body {
            names.add_bindings(statement);
            names.add_exports(statement);
        }
        names
    }

    /// What a name at the top is bound to; types are bound to nothing.
    pub(crate) fn binding(&self, name: &str) -> Option<Binding<'a>> {
        self.bindings.get(name).copied()
    }

    /// The values that it exports by name, in the order of the source, without what `export *` brings.
    pub(crate) fn exports(&self) -> &[Written<'a>] {
        &self.exports
    }

    pub(crate) fn export(&self, name: &str) -> Option<Export<'a>> {
        self.export_of.get(name).copied()
    }

    /// What it exports as types, and says so by the way it is written.
    pub(crate) fn type_exports(&self) -> &[Written<'a>] {
        &self.type_exports
    }

    pub(crate) fn type_export(&self, name: &str) -> Option<Export<'a>> {
        self.type_export_of.get(name).copied()
    }

    /// Where `export *` looks, in order.
    pub(crate) fn stars(&self) -> &[&'a str] {
        &self.stars
    }

    /// Where `export type *` looks, in order.
    pub(crate) fn type_stars(&self) -> &[&'a str] {
        &self.type_stars
    }

    fn add_bindings(&mut self, statement: &'a Statement<'a>) {
        let bound = match statement {
            Statement::ImportDeclaration(import) => {
                let specifier = import.source.value.as_str();
                let specifiers = import.specifiers.iter().flatten();
                specifiers.map(|one| (one.local().name.as_str(), imported(specifier, one))).collect()
            }
            Statement::ExportDefaultDeclaration(export) => match &export.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(one) => {
                    function_binding(one).into_iter().collect()
                }
                ExportDefaultDeclarationKind::ClassDeclaration(one) => {
                    one.id.iter().map(|id| (id.name.as_str(), Binding::Other)).collect()
                }
                _ => Vec::new(),
            },
            statement => declaration(statement).map(bindings).unwrap_or_default(),
        };
        for (name, binding) in bound {
            self.bindings.entry(name).or_insert(binding);
        }
    }

    fn add_exports(&mut self, statement: &'a Statement<'a>) {
        match statement {
            Statement::ExportDeclaration(one) => {
                for name in declared_names(&one.declaration) {
                    self.add_value(name, Export::Local(name));
                }
                if let Some(name) = declared_types(&one.declaration) {
                    self.add_type(name, Export::Local(name));
                }
            }
            Statement::ExportNamedDeclaration(list) => {
                for one in &list.specifiers {
                    self.add_specifier(list.export_kind, one, Export::Local(one.local.name().as_str()));
                }
            }
            Statement::ExportFromDeclaration(list) => {
                let specifier = list.source.value.as_str();
                for one in &list.specifiers {
                    let name = imported_name(one.local.name().as_str());
                    self.add_specifier(list.export_kind, one, Export::From { specifier, name });
                }
            }
            Statement::ExportAllDeclaration(all) => {
                let specifier = all.source.value.as_str();
                let namespace = Export::From { specifier, name: ImportedName::Namespace };
                match (&all.exported, all.export_kind) {
                    (Some(name), ImportOrExportKind::Value) => {
                        self.add_value(name.name().as_str(), namespace);
                    }
                    (Some(name), ImportOrExportKind::Type) => self.add_type(name.name().as_str(), namespace),
                    (None, ImportOrExportKind::Value) => self.stars.push(specifier),
                    (None, ImportOrExportKind::Type) => self.type_stars.push(specifier),
                }
            }
            Statement::ExportDefaultDeclaration(one) => self.add_default(&one.declaration),
            _ => {}
        }
    }

    fn add_default(&mut self, declaration: &'a ExportDefaultDeclarationKind<'a>) {
        let named = |id: &'a Option<BindingIdentifier<'a>>| {
            id.as_ref().map_or(Export::Anonymous, |id| Export::Local(id.name.as_str()))
        };
        match declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(one) => {
                self.add_value("default", named(&one.id));
            }
            ExportDefaultDeclarationKind::ClassDeclaration(one) => self.add_value("default", named(&one.id)),
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(one) => {
                self.add_type("default", Export::Local(one.id.name.as_str()));
            }
            declaration => {
                if let Some(expression) = declaration.as_expression() {
                    self.add_value("default", Export::DefaultExpression(expression));
                }
            }
        }
    }

    fn add_specifier(&mut self, list: ImportOrExportKind, one: &'a ExportSpecifier<'a>, export: Export<'a>) {
        let name = one.exported.name().as_str();
        match (list, one.export_kind) {
            (ImportOrExportKind::Value, ImportOrExportKind::Value) => self.add_value(name, export),
            _ => self.add_type(name, export),
        }
    }

    fn add_value(&mut self, name: &'a str, export: Export<'a>) {
        self.exports.push((name, export));
        self.export_of.entry(name).or_insert(export);
    }

    fn add_type(&mut self, name: &'a str, export: Export<'a>) {
        self.type_exports.push((name, export));
        self.type_export_of.entry(name).or_insert(export);
    }
}
