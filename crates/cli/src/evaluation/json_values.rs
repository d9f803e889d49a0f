//! The values of JSON files.

use super::module_names::ImportedName;
use super::value::Value;
use crate::source::module_graph::Module;

/// What an import takes from a JSON file.
pub(super) fn json_value<'a>(module: &Module<'a>, name: ImportedName<'_>) -> Value<'a> {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&module.source) else { return Value::Unknown };
    let whole = value_of(json);
    match (name, whole) {
        (ImportedName::Named(name), Value::Object(properties)) => {
            Value::Object(properties).property(name).unwrap_or(Value::Unknown)
        }
        (ImportedName::Default, whole) => whole,
        (ImportedName::Namespace, Value::Object(properties)) => {
            let mut members = properties.to_vec();
            Value::set(&mut members, "default".to_owned(), Value::Object(properties));
            Value::object(members)
        }
        _ => Value::Unknown,
    }
}

fn value_of<'a>(json: serde_json::Value) -> Value<'a> {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Boolean(truth),
        serde_json::Value::Number(number) => number.as_f64().map_or(Value::Unknown, Value::Number),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(members) => Value::list(members.into_iter().map(value_of).collect()),
        serde_json::Value::Object(properties) => {
            let properties = properties.into_iter().map(|(name, value)| (name, value_of(value)));
            Value::object(properties.collect())
        }
    }
}
