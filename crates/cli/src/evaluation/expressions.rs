//! Evaluates expressions.

use std::rc::Rc;

use oxc::ast::ast::{
    ArrayExpressionElement, BinaryExpression, ChainElement, Expression, LogicalExpression, LogicalOperator,
    ObjectExpression, ObjectPropertyKind, PropertyKind, SequenceExpression, TemplateLiteral, UnaryExpression,
    UnaryOperator,
};

use super::evaluator::Evaluator;
use super::operators::compute;
use super::value::{FunctionCode, Value};
use crate::source::module_graph::Module;

/// Longer texts are not put together; names of topics and groups have at most 200 bytes.
const LONGEST_TEXT: usize = 64 * 1024;

impl<'a> Evaluator<'_, 'a> {
    pub(super) fn expression(&self, module: &Rc<Module<'a>>, expression: &'a Expression<'a>) -> Value<'a> {
        match expression.get_inner_expression() {
            Expression::NumericLiteral(number) => Value::Number(number.value),
            Expression::StringLiteral(text) if !text.lone_surrogates => Value::Text(text.value.to_string()),
            Expression::BooleanLiteral(truth) => Value::Boolean(truth.value),
            Expression::NullLiteral(_) => Value::Null,
            Expression::TemplateLiteral(template) => self.template(module, template),
            Expression::Identifier(identifier) => self.name(module, identifier.name.as_str()),
            Expression::UnaryExpression(unary) => self.unary(module, unary),
            Expression::BinaryExpression(binary) => self.binary(module, binary),
            Expression::LogicalExpression(logical) => self.logical(module, logical),
            Expression::ConditionalExpression(choice) => {
                match self.evaluate(module, &choice.test).is_truthy() {
                    Some(true) => self.evaluate(module, &choice.consequent),
                    Some(false) => self.evaluate(module, &choice.alternate),
                    None => Value::Unknown,
                }
            }
            Expression::ArrayExpression(array) => self.array(module, &array.elements),
            Expression::ObjectExpression(object) => self.object(module, object),
            Expression::StaticMemberExpression(member) => {
                self.member(module, &member.object, member.property.name.as_str())
            }
            Expression::ComputedMemberExpression(member) => {
                match self.evaluate(module, &member.expression).to_text() {
                    Some(key) => self.member(module, &member.object, &key),
                    None => Value::Unknown,
                }
            }
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(module, call),
                ChainElement::StaticMemberExpression(member) => {
                    self.member(module, &member.object, member.property.name.as_str())
                }
                _ => Value::Unknown,
            },
            Expression::ArrowFunctionExpression(arrow) => self.function(module, FunctionCode::Arrow(arrow)),
            Expression::FunctionExpression(function) => {
                self.function(module, FunctionCode::Declared(function))
            }
            Expression::CallExpression(call) => self.call(module, call),
            Expression::SequenceExpression(sequence) => self.sequence(module, sequence),
            _ => Value::Unknown,
        }
    }

    fn template(&self, module: &Rc<Module<'a>>, template: &'a TemplateLiteral<'a>) -> Value<'a> {
        let mut text = String::new();
        for (index, quasi) in template.quasis.iter().enumerate() {
            let Some(cooked) = quasi.value.cooked.as_ref().filter(|_| !quasi.lone_surrogates) else {
                return Value::Unknown;
            };
            text.push_str(cooked.as_str());
            if let Some(expression) = template.expressions.get(index) {
                match self.evaluate(module, expression).to_text() {
                    Some(part) => text.push_str(&part),
                    None => return Value::Unknown,
                }
            }
        }
        self.affordable(Value::Text(text))
    }

    /// Unknown if it is too long.
    fn affordable(&self, value: Value<'a>) -> Value<'a> {
        match value {
            Value::Text(text) if text.len() > LONGEST_TEXT || !self.affords(text.len() / 64) => {
                Value::Unknown
            }
            value => value,
        }
    }

    fn unary(&self, module: &Rc<Module<'a>>, unary: &'a UnaryExpression<'a>) -> Value<'a> {
        match (unary.operator, self.evaluate(module, &unary.argument)) {
            (UnaryOperator::UnaryNegation, Value::Number(number)) => Value::Number(-number),
            (UnaryOperator::UnaryPlus, Value::Number(number)) => Value::Number(number),
            (UnaryOperator::LogicalNot, value) => {
                value.is_truthy().map_or(Value::Unknown, |truth| Value::Boolean(!truth))
            }
            (UnaryOperator::Void, _) => Value::Undefined,
            _ => Value::Unknown,
        }
    }

    fn binary(&self, module: &Rc<Module<'a>>, binary: &'a BinaryExpression<'a>) -> Value<'a> {
        let (left, right) = (self.evaluate(module, &binary.left), self.evaluate(module, &binary.right));
        self.affordable(compute(binary.operator, &left, &right).unwrap_or(Value::Unknown))
    }

    fn logical(&self, module: &Rc<Module<'a>>, logical: &'a LogicalExpression<'a>) -> Value<'a> {
        let left = self.evaluate(module, &logical.left);
        let takes_right = match logical.operator {
            LogicalOperator::Coalesce => left.is_nullish(),
            LogicalOperator::Or => left.is_truthy().map(|truth| !truth),
            LogicalOperator::And => left.is_truthy(),
        };
        match takes_right {
            Some(true) => self.evaluate(module, &logical.right),
            Some(false) => left,
            None => Value::Unknown,
        }
    }

    /// What comes before the last expression may change something, unless it is known.
    fn sequence(&self, module: &Rc<Module<'a>>, sequence: &'a SequenceExpression<'a>) -> Value<'a> {
        let mut last = Value::Unknown;
        for (index, expression) in sequence.expressions.iter().enumerate() {
            if index > 0 && matches!(last, Value::Unknown) {
                return Value::Unknown;
            }
            last = self.evaluate(module, expression);
        }
        last
    }

    fn array(&self, module: &Rc<Module<'a>>, elements: &'a [ArrayExpressionElement<'a>]) -> Value<'a> {
        let mut members = Vec::new();
        for element in elements {
            match element {
                ArrayExpressionElement::SpreadElement(spread) => {
                    match self.evaluate(module, &spread.argument) {
                        Value::List(more) if self.affords(more.len()) => members.extend(more.iter().cloned()),
                        _ => return Value::Unknown,
                    }
                }
                // A hole is not quite a member: `map` leaves it out.
                element => match element.as_expression() {
                    Some(expression) => members.push(self.evaluate(module, expression)),
                    None => return Value::Unknown,
                },
            }
        }
        Value::list(members)
    }

    fn object(&self, module: &Rc<Module<'a>>, object: &'a ObjectExpression<'a>) -> Value<'a> {
        let mut properties = Vec::new();
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let key = self.key(module, &property.key, property.computed);
                    // `__proto__: x` sets what the object inherits from.
                    let Some(key) = key.filter(|key| key != "__proto__") else { return Value::Unknown };
                    let is_plain = property.kind == PropertyKind::Init;
                    let value =
                        if is_plain { self.evaluate(module, &property.value) } else { Value::Unknown };
                    Value::set(&mut properties, key, value);
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    match self.spread(self.evaluate(module, &spread.argument)) {
                        Some(more) => {
                            more.iter().for_each(|(key, value)| {
                                Value::set(&mut properties, key.clone(), value.clone());
                            });
                        }
                        None => return Value::Unknown,
                    }
                }
            }
        }
        Value::object(properties)
    }

    /// The properties that `...value` gives to an object.
    fn spread(&self, value: Value<'a>) -> Option<Rc<Vec<(String, Value<'a>)>>> {
        match value {
            Value::Object(properties) => self.affords(properties.len()).then_some(properties),
            // The configuration of another definition, with something changed.
            Value::Definition(definition) => self.spread(definition.config.clone()),
            Value::Null | Value::Undefined | Value::Boolean(_) | Value::Number(_) => Some(Rc::default()),
            _ => None,
        }
    }

    fn member(&self, module: &Rc<Module<'a>>, object: &'a Expression<'a>, name: &str) -> Value<'a> {
        self.evaluate(module, object).property(name).unwrap_or(Value::Unknown)
    }
}
