//! Configurations as the engine checks them, as far as they are known, and where their fields are written.

use bson::{Bson, Document};
use oxc::ast::ast::{Expression, ObjectExpression, ObjectPropertyKind};
use oxc::span::{GetSpan, Span};

use crate::evaluation::value::{Definition, Value};

/// The known part of a configuration.
pub(crate) struct KnownConfig {
    pub(crate) document: Document,
    /// Paths of the fields whose value only a running program can tell.
    pub(crate) unknown: Vec<String>,
    /// Paths of all fields.
    pub(crate) fields: Vec<String>,
}

/// `None` if nothing is known about it.
pub(crate) fn known_config(config: &Value<'_>) -> Option<KnownConfig> {
    let Value::Object(properties) = config else { return None };
    let mut known = KnownConfig { document: Document::new(), unknown: Vec::new(), fields: Vec::new() };
    known.document = known.object("", properties);
    Some(known)
}

impl KnownConfig {
    fn object(&mut self, prefix: &str, properties: &[(String, Value<'_>)]) -> Document {
        let mut document = Document::new();
        for (name, value) in properties {
            let path = format!("{prefix}{name}");
            self.fields.push(path.clone());
            let value = match value {
                // The engine looks into nothing that is deeper.
                Value::Object(inner) if prefix.is_empty() => {
                    Some(Bson::Document(self.object(&format!("{path}."), inner)))
                }
                value => to_bson(value),
            };
            match value {
                Some(value) => drop(document.insert(name, value)),
                None => self.unknown.push(path),
            }
        }
        document
    }
}

fn to_bson(value: &Value<'_>) -> Option<Bson> {
    Some(match value {
        Value::Number(number) => Bson::Double(*number),
        Value::Text(text) => Bson::String(text.clone()),
        Value::Boolean(truth) => Bson::Boolean(*truth),
        Value::Null | Value::Undefined => Bson::Null,
        Value::List(members) => Bson::Array(members.iter().map(to_bson).collect::<Option<_>>()?),
        Value::Object(properties) => {
            let fields = properties.iter().map(|(name, value)| Some((name.clone(), to_bson(value)?)));
            Bson::Document(fields.collect::<Option<_>>()?)
        }
        Value::Process
        | Value::ProcessEnvironment
        | Value::Environment(_)
        | Value::Function(_)
        | Value::DefineFunction(_)
        | Value::BrokerPackage
        | Value::Definition(_)
        | Value::Unknown => return None,
    })
}

/// A part of a field.
#[derive(Clone, Copy)]
pub(crate) enum FieldPart {
    Name,
    Value,
}

/// Where a field is written; the whole call if it is written elsewhere.
pub(crate) fn field_span(definition: &Definition<'_>, path: &str, part: FieldPart) -> Span {
    let mut argument = definition.argument;
    let mut found = None;
    for name in path.split('.') {
        let Some(Expression::ObjectExpression(object)) = argument.map(Expression::get_inner_expression)
        else {
            break;
        };
        let Some((key, value)) = property(object, name) else { break };
        let span = match part {
            FieldPart::Name => key,
            FieldPart::Value => value.span(),
        };
        (found, argument) = (Some(span), Some(value));
    }
    found.or_else(|| definition.argument.map(GetSpan::span)).unwrap_or(definition.span)
}

fn property<'a>(object: &'a ObjectExpression<'a>, name: &str) -> Option<(Span, &'a Expression<'a>)> {
    object.properties.iter().rev().find_map(|property| match property {
        ObjectPropertyKind::ObjectProperty(property) => {
            let key = property.key.static_name().filter(|key| key == name);
            key.map(|_| (property.key.span(), &property.value))
        }
        ObjectPropertyKind::SpreadProperty(_) => None,
    })
}
