//! Evaluates TypeScript's namespaces, and other names for what is in them.

use std::rc::Rc;

use oxc::ast::ast::{
    Declaration, Statement, TSModuleReference, TSNamespaceDeclaration, TSNamespaceDeclarationBody, TSTypeName,
};

use super::evaluator::Evaluator;
use super::module_names::declared_names;
use super::value::{FunctionCode, Value};
use crate::source::module_graph::Module;

impl<'a> Evaluator<'_, 'a> {
    /// What a namespace exports, unless it does more than to declare constants, functions and namespaces.
    pub(super) fn namespace(
        &self,
        module: &Rc<Module<'a>>,
        one: &'a TSNamespaceDeclaration<'a>,
    ) -> Value<'a> {
        if one.declare {
            return Value::Unknown;
        }
        self.within_limits(|| self.within(self.frame(), || self.namespace_members(module, one)))
    }

    fn namespace_members(&self, module: &Rc<Module<'a>>, one: &'a TSNamespaceDeclaration<'a>) -> Value<'a> {
        let body = match &one.body {
            TSNamespaceDeclarationBody::TSModuleBlock(block) => &block.body,
            TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => {
                let value = self.namespace(module, inner);
                return Value::object(vec![(inner.id.name.to_string(), value)]);
            }
        };
        let mut members = Vec::new();
        for statement in body {
            let (declaration, is_exported) = match statement {
                Statement::ExportDeclaration(export) => (&export.declaration, true),
                statement => match statement.as_declaration() {
                    Some(declaration) => (declaration, false),
                    None => return Value::Unknown,
                },
            };
            if !self.declare(module, declaration) {
                return Value::Unknown;
            }
            for name in declared_names(declaration).into_iter().filter(|_| is_exported) {
                members.push((name.to_owned(), self.name(module, name)));
            }
        }
        Value::object(members)
    }

    /// Makes a declaration within a function or a namespace known there. Whether that is all that it does.
    pub(super) fn declare(&self, module: &Rc<Module<'a>>, declaration: &'a Declaration<'a>) -> bool {
        match declaration {
            Declaration::VariableDeclaration(variables) if variables.kind.is_const() => {
                variables.declarations.iter().all(|one| {
                    let value = one.init.as_ref().map(|init| self.evaluate(module, init));
                    value.and_then(|value| self.bind(module, &one.id, value)).is_some()
                })
            }
            Declaration::FunctionDeclaration(function) => {
                if let (Some(id), Some(_)) = (&function.id, &function.body) {
                    self.set_local(id.name.as_str(), self.function(module, FunctionCode::Declared(function)));
                }
                true
            }
            Declaration::TSNamespaceDeclaration(one) => {
                let value = self.namespace(module, one);
                self.set_local(one.id.name.as_str(), value);
                true
            }
            Declaration::TSInterfaceDeclaration(_) | Declaration::TSTypeAliasDeclaration(_) => true,
            _ => false,
        }
    }

    /// `import Name = Namespace.Member`.
    pub(super) fn alias(&self, module: &Rc<Module<'a>>, reference: &'a TSModuleReference<'a>) -> Value<'a> {
        self.within_limits(|| match reference {
            TSModuleReference::IdentifierReference(id) => self.at_top(module, id.name.as_str()),
            TSModuleReference::QualifiedName(name) => self
                .qualified(module, &name.left)
                .property(name.right.name.as_str())
                .unwrap_or(Value::Unknown),
            TSModuleReference::ExternalModuleReference(_) => Value::Unknown,
        })
    }

    fn qualified(&self, module: &Rc<Module<'a>>, name: &'a TSTypeName<'a>) -> Value<'a> {
        match name {
            TSTypeName::IdentifierReference(id) => self.at_top(module, id.name.as_str()),
            TSTypeName::QualifiedName(name) => self
                .qualified(module, &name.left)
                .property(name.right.name.as_str())
                .unwrap_or(Value::Unknown),
            TSTypeName::ThisExpression(_) => Value::Unknown,
        }
    }
}
