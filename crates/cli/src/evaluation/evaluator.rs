//! Evaluates names, across modules. What cannot be told is unknown, never wrong: the client runs the user's own code.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr;
use std::rc::Rc;

use oxc::ast::ast::{Expression, PropertyKey};

use super::json_values::json_value;
use super::module_names::{Binding, Export, ImportedName};
use super::value::{DefinitionKind, Frame, FunctionCode, FunctionValue, Value};
use crate::source::module_graph::{Import, Module, ModuleGraph};

/// Expressions that are followed into each other at most; what is deeper refers to itself, or might as well.
const DEEPEST: usize = 500;
/// Steps that are taken at most, so that what grows with every step comes to an end.
const MOST_STEPS: usize = 300_000;

/// Evaluates within one graph of modules.
pub(crate) struct Evaluator<'g, 'a> {
    pub(super) graph: &'g ModuleGraph<'a>,
    /// Of the functions that are being called, the innermost last.
    pub(super) frames: RefCell<Vec<Frame<'a>>>,
    /// Constants at the top of modules, by the place of their expressions in memory.
    constants: RefCell<HashMap<usize, Value<'a>>>,
    depth: Cell<usize>,
    steps_left: Cell<usize>,
}

impl<'g, 'a> Evaluator<'g, 'a> {
    pub(crate) fn new(graph: &'g ModuleGraph<'a>) -> Self {
        Self {
            graph,
            frames: RefCell::default(),
            constants: RefCell::default(),
            depth: Cell::default(),
            steps_left: Cell::new(MOST_STEPS),
        }
    }

    /// The value of an expression that the function sees that is being called.
    pub(super) fn evaluate(&self, module: &Rc<Module<'a>>, expression: &'a Expression<'a>) -> Value<'a> {
        self.within_limits(|| self.expression(module, expression))
    }

    /// The value of an expression at the top of a module. Nobody sees the parameters of whoever has called there.
    pub(crate) fn constant(&self, module: &Rc<Module<'a>>, expression: &'a Expression<'a>) -> Value<'a> {
        let place = ptr::from_ref(expression).addr();
        if let Some(known) = self.constants.borrow().get(&place) {
            return known.clone();
        }
        // As long as it is not known, what refers to it cannot be, either.
        self.constants.borrow_mut().insert(place, Value::Unknown);
        let value = self.within(Frame::default(), || self.evaluate(module, expression));
        self.constants.borrow_mut().insert(place, value.clone());
        value
    }

    /// What a module exports under a name.
    pub(crate) fn export(&self, module: &Rc<Module<'a>>, name: ImportedName<'_>) -> Value<'a> {
        self.within_limits(|| match name {
            _ if module.is_json() => json_value(module, name),
            ImportedName::Namespace => self.namespace_object(module),
            ImportedName::Default => self.exported(module, "default"),
            ImportedName::Named(name) => self.exported(module, name),
        })
    }

    /// The name of a property; `None` if only a running program can tell.
    pub(crate) fn key(
        &self,
        module: &Rc<Module<'a>>,
        key: &'a PropertyKey<'a>,
        is_computed: bool,
    ) -> Option<String> {
        if !is_computed {
            return key.static_name().map(|name| name.to_string());
        }
        self.evaluate(module, key.as_expression()?).to_text()
    }

    pub(super) fn within_limits(&self, tell: impl FnOnce() -> Value<'a>) -> Value<'a> {
        if self.depth.get() >= DEEPEST || !self.affords(1) {
            return Value::Unknown;
        }
        self.depth.set(self.depth.get() + 1);
        let value = tell();
        self.depth.set(self.depth.get() - 1);
        value
    }

    /// Takes so many steps, if there are as many left.
    pub(super) fn affords(&self, steps: usize) -> bool {
        let left = self.steps_left.get();
        self.steps_left.set(left.saturating_sub(steps));
        left >= steps
    }

    pub(super) fn within<T>(&self, frame: Frame<'a>, tell: impl FnOnce() -> T) -> T {
        self.frames.borrow_mut().push(frame);
        let told = tell();
        self.frames.borrow_mut().pop();
        told
    }

    /// What is known in the function that is being called.
    pub(super) fn frame(&self) -> Frame<'a> {
        self.frames.borrow().last().cloned().unwrap_or_default()
    }

    pub(super) fn set_local(&self, name: &'a str, value: Value<'a>) {
        if let Some(frame) = self.frames.borrow_mut().last_mut() {
            frame.values.insert(name, value);
        }
    }

    pub(super) fn function(&self, module: &Rc<Module<'a>>, code: FunctionCode<'a>) -> Value<'a> {
        Value::Function(Rc::new(FunctionValue { module: Rc::clone(module), code, captured: self.frame() }))
    }

    fn exported(&self, module: &Rc<Module<'a>>, name: &str) -> Value<'a> {
        match module.names.export(name) {
            Some(Export::Local(local)) => self.at_top(module, local),
            Some(Export::DefaultExpression(expression)) => self.constant(module, expression),
            Some(Export::Anonymous) => Value::Unknown,
            Some(Export::From { specifier, name }) => self.import(module, specifier, name),
            None => {
                let stars = module.names.stars().iter().filter(|_| name != "default");
                let mut found = stars.map(|star| self.import(module, star, ImportedName::Named(name)));
                found.find(|value| !matches!(value, Value::Unknown)).unwrap_or(Value::Unknown)
            }
        }
    }

    fn namespace_object(&self, module: &Rc<Module<'a>>) -> Value<'a> {
        if module.program.is_none() || !module.names.stars().is_empty() {
            return Value::Unknown;
        }
        let named = module.names.exports().iter();
        let properties =
            named.map(|(name, _)| ((*name).to_owned(), self.export(module, ImportedName::Named(name))));
        Value::object(properties.collect())
    }

    fn import(&self, module: &Rc<Module<'a>>, specifier: &str, name: ImportedName<'_>) -> Value<'a> {
        match (self.graph.import(&module.path, specifier), name) {
            (Import::Module(imported), _) => match self.graph.running(&imported) {
                Some(running) => self.export(&running, name),
                None => Value::Unknown,
            },
            (Import::Broker, ImportedName::Named(name)) => {
                DefinitionKind::of_function(name).map_or(Value::Unknown, Value::DefineFunction)
            }
            (Import::Broker, _) => Value::BrokerPackage,
            (Import::Package, name) if matches!(specifier, "process" | "node:process") => match name {
                ImportedName::Named("env") => Value::ProcessEnvironment,
                ImportedName::Named(_) => Value::Unknown,
                ImportedName::Default | ImportedName::Namespace => Value::Process,
            },
            (Import::Package | Import::Missing, _) => Value::Unknown,
        }
    }

    /// A name, as a function that is being called sees it, or else the module.
    pub(super) fn name(&self, module: &Rc<Module<'a>>, name: &str) -> Value<'a> {
        let local = self.frames.borrow().last().and_then(|frame| frame.values.get(name).cloned());
        local.unwrap_or_else(|| self.at_top(module, name))
    }

    /// A name at the top of a module.
    pub(crate) fn at_top(&self, module: &Rc<Module<'a>>, name: &str) -> Value<'a> {
        let Some(program) = module.program.filter(|_| !module.changed.contains(name)) else {
            return Value::Unknown;
        };
        match module.names.binding(name) {
            Some(Binding::Constant(expression)) => self.constant(module, expression),
            Some(Binding::Part(pattern, expression)) => {
                let whole = self.constant(module, expression);
                self.part(module, pattern, whole, name).unwrap_or(Value::Unknown)
            }
            Some(Binding::Enum) => self.enumeration(module, program, name),
            Some(Binding::Namespace(declaration)) => self.namespace(module, declaration),
            Some(Binding::Alias(reference)) => self.alias(module, reference),
            Some(Binding::Function(function)) => {
                self.within(Frame::default(), || self.function(module, FunctionCode::Declared(function)))
            }
            Some(Binding::Import { specifier, name }) => self.import(module, specifier, name),
            None if module.unresolved.contains(name) => match DefinitionKind::of_function(name) {
                Some(kind) => Value::DefineFunction(kind),
                None => match name {
                    "undefined" => Value::Undefined,
                    "process" => Value::Process,
                    _ => Value::Unknown,
                },
            },
            Some(Binding::Other) | None => Value::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
