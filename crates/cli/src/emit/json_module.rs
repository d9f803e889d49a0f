//! JSON files as modules: what `resolveJsonModule` makes of them.

use std::fmt::Write;

use oxc::diagnostics::OxcDiagnostic;
use oxc::span::Span;
use oxc::syntax::identifier::is_identifier_name;
use oxc::syntax::keyword::is_reserved_keyword;
use serde_json::Value;

use crate::source::module_graph::{Module, ModuleGraph};

/// The file as an ES module; `None` if it was reported to be damaged.
pub(super) fn json_as_javascript(graph: &ModuleGraph<'_>, module: &Module<'_>) -> Option<String> {
    let value = match serde_json::from_str::<Value>(&module.source) {
        Ok(value) => value,
        Err(error) => {
            let problem = OxcDiagnostic::error(format!("not JSON: {error}"))
                .with_error_code("csbroker", "json")
                .with_label(place(&module.source, &error));
            graph.report(module, problem);
            return None;
        }
    };
    // As it is written, so that numbers keep their digits; unless it would mean something else in JavaScript.
    let written = module.source.trim();
    let literal = if written.contains("__proto__") {
        format!("JSON.parse({})", Value::from(written))
    } else {
        written.to_owned()
    };
    let own = own_name(&value);
    let mut text = format!("const {own} = {literal};\n");
    for name in names(&value) {
        let _ = writeln!(text, "export const {name} = {own}.{name};");
    }
    Some(format!("{text}export default {own};\n"))
}

/// Its declarations.
pub(super) fn json_declarations(module: &Module<'_>) -> String {
    let value = serde_json::from_str::<Value>(&module.source).unwrap_or_default();
    let own = own_name(&value);
    let mut text = format!("declare const {own}: {};\n", type_of(&value));
    for name in names(&value) {
        let _ = writeln!(text, "export declare const {name}: typeof {own}.{name};");
    }
    format!("{text}export default {own};\n")
}

/// Names under which properties can be imported.
fn names(value: &Value) -> impl Iterator<Item = &str> {
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    keys.map(String::as_str).filter(|name| is_identifier_name(name) && !is_reserved_keyword(name))
}

/// The name of the whole, which no property has.
fn own_name(value: &Value) -> String {
    let mut own = "json".to_owned();
    while names(value).any(|name| name == own) {
        own.push('_');
    }
    own
}

/// As TypeScript sees it: texts and numbers are any, not just these.
fn type_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(members) => {
            let mut types: Vec<_> = members.iter().map(type_of).collect();
            types.sort();
            types.dedup();
            if types.is_empty() { "never[]".to_owned() } else { format!("({})[]", types.join(" | ")) }
        }
        Value::Object(properties) => {
            let members = properties
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), type_of(value)));
            let members: Vec<_> = members.collect();
            if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join("; ")) }
        }
    }
}

fn place(source: &str, error: &serde_json::Error) -> Span {
    let before: usize = source.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let offset = (before + error.column().saturating_sub(1)).min(source.len());
    let offset = u32::try_from(offset).unwrap_or_default();
    Span::new(offset, offset)
}
