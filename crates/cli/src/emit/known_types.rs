//! The types of values that are known without the compiler.

use std::rc::Rc;

use oxc::ast::ast::Expression;
use oxc::syntax::identifier::is_identifier_name;

use super::declarations::KnownType;
use crate::definition::payload_types::PayloadTypes;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::module_names::{Binding, ImportedName};
use crate::evaluation::value::{Definition, Value};
use crate::source::module_graph::Module;

/// The type of a name at the top of a module, or of its default export.
pub(super) fn known_type<'a>(
    evaluator: &Evaluator<'_, 'a>,
    payloads: &PayloadTypes,
    module: &Rc<Module<'a>>,
    name: &str,
) -> Option<KnownType> {
    let value = match name {
        "default" => evaluator.export(module, ImportedName::Default),
        name => evaluator.at_top(module, name),
    };
    if !value.is_small() {
        return None;
    }
    let text = match value {
        Value::Definition(definition) => {
            return Some(KnownType { text: payloads.config_type(&definition, module), is_better: true });
        }
        value => {
            let of_configuration = |definition: &Definition<'a>| payloads.config_type(definition, module);
            match written(module, name) {
                _ if is_primitive(&value) => literal_type(&value, &of_configuration),
                Written::AsConst => literal_type(&value, &of_configuration),
                Written::InPlace => type_of(&value, &of_configuration),
                // What the compiler takes for the type of objects that come from elsewhere may have more members.
                Written::Elsewhere if says_everything(&value) => type_of(&value, &of_configuration),
                Written::Elsewhere => None,
            }
        }
    };
    text.map(|text| KnownType { text, is_better: false })
}

/// How the value of a constant is written.
enum Written {
    AsConst,
    InPlace,
    Elsewhere,
}

fn written(module: &Module<'_>, name: &str) -> Written {
    let Some(Binding::Constant(expression)) = module.names.binding(name) else {
        return Written::Elsewhere;
    };
    let is_const = match expression.without_parentheses() {
        Expression::TSAsExpression(one) => one.type_annotation.is_const_type_reference(),
        _ => false,
    };
    match expression.get_inner_expression() {
        _ if is_const => Written::AsConst,
        Expression::ObjectExpression(_) | Expression::ArrayExpression(_) => Written::InPlace,
        _ => Written::Elsewhere,
    }
}

fn is_primitive(value: &Value<'_>) -> bool {
    matches!(value, Value::Number(_) | Value::Text(_) | Value::Boolean(_))
}

type OfConfiguration<'f, 'a> = &'f dyn Fn(&Definition<'a>) -> String;

/// Of what cannot change, the type is its value.
fn literal_type<'a>(value: &Value<'a>, of_configuration: OfConfiguration<'_, 'a>) -> Option<String> {
    match value {
        Value::Definition(definition) => Some(of_configuration(definition)),
        Value::Text(text) => Some(serde_json::Value::from(text.as_str()).to_string()),
        Value::Number(_) => Some(value.to_text().unwrap_or_else(|| "number".to_owned())),
        Value::List(members) => {
            let types = members.iter().map(|one| literal_type(one, of_configuration));
            Some(format!("readonly [{}]", types.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        Value::Object(properties) => {
            braced(properties, "readonly ", |value| literal_type(value, of_configuration))
        }
        value => value.to_text(),
    }
}

/// The type of what may change.
fn type_of<'a>(value: &Value<'a>, of_configuration: OfConfiguration<'_, 'a>) -> Option<String> {
    match value {
        Value::Definition(definition) => Some(of_configuration(definition)),
        Value::Number(_) => Some("number".to_owned()),
        Value::Text(_) => Some("string".to_owned()),
        Value::Boolean(_) => Some("boolean".to_owned()),
        Value::List(members) if !members.is_empty() => {
            let types = members.iter().map(|one| type_of(one, of_configuration));
            let mut types = types.collect::<Option<Vec<_>>>()?;
            types.sort();
            types.dedup();
            Some(if types.len() == 1 {
                format!("{}[]", types[0])
            } else {
                format!("({})[]", types.join(" | "))
            })
        }
        Value::Object(properties) => braced(properties, "", |value| type_of(value, of_configuration)),
        _ => None,
    }
}

fn braced<'a>(
    properties: &[(String, Value<'a>)],
    modifier: &str,
    type_of: impl Fn(&Value<'a>) -> Option<String>,
) -> Option<String> {
    let members = properties.iter().map(|(name, value)| {
        let name = if is_identifier_name(name) {
            name.clone()
        } else {
            serde_json::Value::from(name.as_str()).to_string()
        };
        type_of(value).map(|text| format!("{modifier}{name}: {text}"))
    });
    Some(format!("{{ {} }}", members.collect::<Option<Vec<_>>>()?.join("; ")))
}

/// Lists of plain values have no other members, and objects of definitions are what they are for.
fn says_everything(value: &Value<'_>) -> bool {
    match value {
        Value::List(members) => members.iter().all(|one| is_primitive(one) || has_definition(one)),
        value => has_definition(value),
    }
}

fn has_definition(value: &Value<'_>) -> bool {
    match value {
        Value::Definition(_) => true,
        Value::List(members) => members.iter().any(has_definition),
        Value::Object(properties) => properties.iter().any(|(_, value)| has_definition(value)),
        _ => false,
    }
}
