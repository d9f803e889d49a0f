//! The few built-in functions that configurations are written with.

use std::rc::Rc;

use oxc::ast::ast::{CallExpression, Expression};

use super::evaluator::Evaluator;
use super::value::Value;
use crate::source::module_graph::Module;

/// Longest list that is written out; partitions number at most 1024.
const LONGEST_LIST: f64 = 4096.0;

impl<'a> Evaluator<'_, 'a> {
    /// `String(x)`, `Number(x)`, `Boolean(x)`. `None` if it is none of them.
    pub(super) fn call_of_global_function(
        &self,
        module: &Rc<Module<'a>>,
        name: &str,
        call: &'a CallExpression<'a>,
    ) -> Option<Value<'a>> {
        let argument = || self.arguments(module, call)?.into_iter().next();
        let told = match name {
            "String" => argument().and_then(|value| value.to_text()).map(Value::Text),
            "Boolean" => argument().and_then(|value| value.is_truthy()).map(Value::Boolean),
            "Number" => argument().and_then(|value| number_of(&value)),
            _ => return None,
        };
        Some(told.unwrap_or(Value::Unknown))
    }

    /// `Array.from(x, f?)`, `Object.freeze(x)`, `Object.values(x)` and its siblings. `None` if it is none of them.
    pub(super) fn call_of_global(
        &self,
        module: &Rc<Module<'a>>,
        object: &'a Expression<'a>,
        method: &str,
        call: &'a CallExpression<'a>,
    ) -> Option<Value<'a>> {
        let Expression::Identifier(global) = object.get_inner_expression() else { return None };
        if !module.unresolved.contains(global.name.as_str()) {
            return None;
        }
        let arguments = || self.arguments(module, call).unwrap_or_default().into_iter();
        let told = match (global.name.as_str(), method) {
            ("Array", "from") => {
                let mut arguments = arguments();
                self.array_from(&arguments.next()?, arguments.next())
            }
            ("Object", "freeze") => arguments().next(),
            ("Object", "keys") => {
                own_properties(&arguments().next()?, |name, _| Value::Text(name.to_owned()))
            }
            ("Object", "values") => own_properties(&arguments().next()?, |_, value| value.clone()),
            ("Object", "entries") => own_properties(&arguments().next()?, |name, value| {
                Value::list(vec![Value::Text(name.to_owned()), value.clone()])
            }),
            ("Object", "fromEntries") => from_entries(&arguments().next()?),
            ("Array" | "Object" | "Math" | "JSON", _) => None,
            _ => return None,
        };
        Some(told.unwrap_or(Value::Unknown))
    }

    /// `list.map(f)`, `text.trim()` and its like. `None` if it is none of them.
    pub(super) fn call_of_method(
        &self,
        module: &Rc<Module<'a>>,
        object: &Value<'a>,
        name: &str,
        call: &'a CallExpression<'a>,
    ) -> Option<Value<'a>> {
        let argument = || self.arguments(module, call).and_then(|arguments| arguments.into_iter().next());
        match (object, name) {
            (Value::List(members), "map") => {
                let Some(Value::Function(function)) = argument() else { return Some(Value::Unknown) };
                let indexed = members.iter().zip(0_u32..);
                let mapped = indexed.map(|(one, index)| {
                    self.apply(&function, &[one.clone(), Value::Number(index.into())], Vec::new())
                });
                Some(Value::list(mapped.collect()))
            }
            (Value::List(members), "join") => {
                let between = match argument() {
                    None => ",".to_owned(),
                    Some(Value::Text(text)) => text,
                    Some(_) => return Some(Value::Unknown),
                };
                let texts: Option<Vec<_>> =
                    members.iter().map(|one| one.as_text().map(str::to_owned)).collect();
                Some(texts.map_or(Value::Unknown, |texts| Value::Text(texts.join(&between))))
            }
            (Value::Text(text), "trim") => Some(Value::Text(text.trim().to_owned())),
            (Value::Text(text), "toLowerCase") => Some(Value::Text(text.to_lowercase())),
            (Value::Text(text), "toUpperCase") => Some(Value::Text(text.to_uppercase())),
            (Value::List(_) | Value::Text(_), _) => Some(Value::Unknown),
            _ => None,
        }
    }

    fn array_from(&self, source: &Value<'a>, each: Option<Value<'a>>) -> Option<Value<'a>> {
        let members = match source {
            Value::List(members) => members.to_vec(),
            source => match source.property("length")? {
                Value::Number(length) => undefined_list(length)?,
                _ => return None,
            },
        };
        if !self.affords(members.len()) {
            return None;
        }
        match each {
            None => Some(Value::list(members)),
            Some(Value::Function(function)) => {
                let indexed = members.into_iter().zip(0_u32..);
                let mapped = indexed.map(|(one, index)| {
                    self.apply(&function, &[one, Value::Number(index.into())], Vec::new())
                });
                Some(Value::list(mapped.collect()))
            }
            Some(_) => None,
        }
    }
}

fn undefined_list<'a>(length: f64) -> Option<Vec<Value<'a>>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "just checked; JavaScript truncates"
    )]
    (0.0..=LONGEST_LIST).contains(&length).then(|| vec![Value::Undefined; length as usize])
}

/// `None` where properties are not in the order in which they are written.
fn own_properties<'a>(object: &Value<'a>, each: impl Fn(&str, &Value<'a>) -> Value<'a>) -> Option<Value<'a>> {
    let Value::Object(properties) = object else { return None };
    let is_index = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let members = properties.iter().map(|(name, value)| (!is_index(name)).then(|| each(name, value)));
    members.collect::<Option<Vec<_>>>().map(Value::list)
}

fn from_entries<'a>(entries: &Value<'a>) -> Option<Value<'a>> {
    let Value::List(entries) = entries else { return None };
    let mut properties = Vec::new();
    for entry in entries.iter() {
        let key = entry.property("0")?.to_text()?;
        Value::set(&mut properties, key, entry.property("1")?);
    }
    Some(Value::object(properties))
}

fn number_of<'a>(value: &Value<'a>) -> Option<Value<'a>> {
    match value {
        Value::Number(number) => Some(Value::Number(*number)),
        Value::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().map(Value::Number)
        }
        _ => None,
    }
}
