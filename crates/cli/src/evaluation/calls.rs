//! Calls: of `define*`, and of the user's small functions.

use std::rc::Rc;

use oxc::ast::ast::{
    Argument, ArrowFunctionBody, CallExpression, Expression, Statement, TSTypeParameterDeclaration,
    TSTypeParameterInstantiation,
};
use oxc::span::GetSpan;

use super::evaluator::Evaluator;
use super::value::{Definition, DefinitionKind, Frame, FunctionCode, FunctionValue, Value, WrittenType};
use crate::source::module_graph::Module;

type TypeArguments<'a> = Option<&'a TSTypeParameterInstantiation<'a>>;

impl<'a> Evaluator<'_, 'a> {
    pub(super) fn call(&self, module: &Rc<Module<'a>>, call: &'a CallExpression<'a>) -> Value<'a> {
        let callee = match call.callee.get_inner_expression() {
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                if let Some(value) = self.call_of_global(module, &member.object, name, call) {
                    return value;
                }
                let object = self.evaluate(module, &member.object);
                if let Some(value) = self.call_of_method(module, &object, name, call) {
                    return value;
                }
                object.property(name).unwrap_or(Value::Unknown)
            }
            Expression::Identifier(id) if module.unresolved.contains(id.name.as_str()) => {
                match self.call_of_global_function(module, id.name.as_str(), call) {
                    Some(value) => return value,
                    None => self.evaluate(module, &call.callee),
                }
            }
            _ => self.evaluate(module, &call.callee),
        };
        match callee {
            Value::DefineFunction(kind) => self.definition(module, kind, call),
            Value::Function(function) => match self.arguments(module, call) {
                Some(arguments) => {
                    let types = self.type_arguments(module, &function, call.type_arguments.as_deref());
                    self.apply(&function, &arguments, types)
                }
                None => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    fn definition(
        &self,
        module: &Rc<Module<'a>>,
        kind: DefinitionKind,
        call: &'a CallExpression<'a>,
    ) -> Value<'a> {
        let argument = call.arguments.first().and_then(Argument::as_expression);
        let type_argument = call.type_arguments.as_ref().and_then(|types| types.params.first());
        let config = argument.map_or(Value::Undefined, |argument| self.evaluate(module, argument));
        Value::Definition(Rc::new(Definition {
            kind,
            module: Rc::clone(module),
            span: call.span,
            argument,
            config: if config.is_small() { config } else { Value::Unknown },
            payload: type_argument
                .and_then(|one| self.written(module, one.span().source_text(&module.source))),
        }))
    }

    /// The values of all arguments; `None` if their number is not known.
    pub(super) fn arguments(
        &self,
        module: &Rc<Module<'a>>,
        call: &'a CallExpression<'a>,
    ) -> Option<Vec<Value<'a>>> {
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            match argument {
                Argument::SpreadElement(spread) => match self.evaluate(module, &spread.argument) {
                    Value::List(members) if self.affords(members.len()) => {
                        arguments.extend(members.iter().cloned());
                    }
                    _ => return None,
                },
                argument => arguments.push(self.evaluate(module, argument.as_expression()?)),
            }
        }
        Some(arguments)
    }

    /// A type argument, of which the type parameters of the function around it are no part.
    fn written(&self, module: &Rc<Module<'a>>, text: &str) -> Option<WrittenType<'a>> {
        let types = self.frame().types;
        if let Some(given) = types.get(text) {
            return given.clone();
        }
        let mut words = text.split(|one: char| !one.is_alphanumeric() && one != '_' && one != '$');
        let names_parameter = words.any(|word| types.contains_key(word));
        (!names_parameter).then(|| WrittenType { text: text.to_owned(), module: Rc::clone(module) })
    }

    fn type_arguments(
        &self,
        module: &Rc<Module<'a>>,
        function: &FunctionValue<'a>,
        given: TypeArguments<'a>,
    ) -> Vec<(&'a str, Option<WrittenType<'a>>)> {
        let parameters = function.type_parameters().into_iter().flat_map(|declared| &declared.params);
        let named = parameters.enumerate().map(|(index, parameter)| {
            let argument = given.and_then(|given| given.params.get(index));
            let written =
                argument.and_then(|one| self.written(module, one.span().source_text(&module.source)));
            (parameter.name.name.as_str(), written)
        });
        named.collect()
    }

    /// What a function returns; unknown if it does more than to return something.
    pub(super) fn apply(
        &self,
        function: &FunctionValue<'a>,
        arguments: &[Value<'a>],
        types: Vec<(&'a str, Option<WrittenType<'a>>)>,
    ) -> Value<'a> {
        let (parameters, is_plain) = match function.code {
            FunctionCode::Arrow(arrow) => (&arrow.params, !arrow.r#async),
            FunctionCode::Declared(declared) => (&declared.params, !declared.r#async && !declared.generator),
        };
        if !is_plain || !self.affords(function.captured.values.len()) {
            return Value::Unknown;
        }
        let mut frame: Frame<'a> = function.captured.clone();
        frame.types.extend(types);
        self.within_limits(|| {
            self.within(frame, || match self.bind_parameters(&function.module, parameters, arguments) {
                Some(()) => self.body(function),
                None => Value::Unknown,
            })
        })
    }

    fn body(&self, function: &FunctionValue<'a>) -> Value<'a> {
        let module = &function.module;
        let statements = match function.code {
            FunctionCode::Arrow(arrow) => match &arrow.body {
                ArrowFunctionBody::FunctionBody(body) => &body.statements,
                body => {
                    return body.as_expression().map_or(Value::Unknown, |body| self.evaluate(module, body));
                }
            },
            FunctionCode::Declared(declared) => match &declared.body {
                Some(body) => &body.statements,
                None => return Value::Unknown,
            },
        };
        self.run(module, statements).unwrap_or(Value::Undefined)
    }

    /// What statements return; `None` if they do not.
    fn run(&self, module: &Rc<Module<'a>>, statements: &'a [Statement<'a>]) -> Option<Value<'a>> {
        statements.iter().find_map(|statement| self.statement(module, statement))
    }

    fn statement(&self, module: &Rc<Module<'a>>, statement: &'a Statement<'a>) -> Option<Value<'a>> {
        match statement {
            Statement::ReturnStatement(one) => {
                Some(one.argument.as_ref().map_or(Value::Undefined, |value| self.evaluate(module, value)))
            }
            Statement::IfStatement(choice) => match self.evaluate(module, &choice.test).is_truthy() {
                Some(true) => self.statement(module, &choice.consequent),
                Some(false) => choice.alternate.as_ref().and_then(|other| self.statement(module, other)),
                None => Some(Value::Unknown),
            },
            // Its constants are not seen behind it.
            Statement::BlockStatement(block) => self.within(self.frame(), || self.run(module, &block.body)),
            statement => match statement.as_declaration() {
                Some(declaration) if self.declare(module, declaration) => None,
                _ => Some(Value::Unknown),
            },
        }
    }
}

impl<'a> FunctionValue<'a> {
    fn type_parameters(&self) -> Option<&'a TSTypeParameterDeclaration<'a>> {
        match self.code {
            FunctionCode::Arrow(arrow) => arrow.type_parameters.as_deref(),
            FunctionCode::Declared(declared) => declared.type_parameters.as_deref(),
        }
    }
}
