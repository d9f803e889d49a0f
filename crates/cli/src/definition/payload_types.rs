//! Which payload type belongs to which topic.

use std::collections::BTreeSet;
use std::rc::Rc;

use oxc::ast::ast::Declaration;
use oxc::diagnostics::OxcDiagnostic;

use super::exported_definitions::ExportedDefinition;
use super::payload_map::{PayloadMap, declarations, one_line};
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::name_origins::{Origin, exported_origins};
use crate::evaluation::value::{Definition, DefinitionKind};
use crate::source::module_graph::{Module, ModuleGraph, PACKAGE};

/// The interface that says which payload belongs to which topic.
pub(crate) const MESSAGE_PAYLOADS: &str = "MessagePayloads";
/// Stands for the schema's module in types that are written for a declaration file.
pub(crate) const SCHEMA_SPECIFIER: &str = "csbroker:schema";

/// What the schema says.
pub(crate) enum PayloadTypes {
    /// It has `MessagePayloads`.
    Mapped(PayloadMap),
    /// It has none; these are its types, and the topics that there are.
    Unmapped { types: Vec<String>, topics: BTreeSet<String> },
}

/// A payload type.
pub(crate) struct Payload {
    /// For people: as it is written.
    pub(crate) name: Option<String>,
    /// For the compiler, in the module of the definition.
    pub(crate) reference: String,
}

impl PayloadTypes {
    /// Reads the schema, and reports a `MessagePayloads` that is not exported; `exported` are the definitions in `config.ts`.
    pub(crate) fn read<'a>(
        evaluator: &Evaluator<'_, 'a>,
        graph: &ModuleGraph<'a>,
        schema: Option<&Rc<Module<'a>>>,
        exported: &[ExportedDefinition<'a>],
    ) -> Self {
        let mut types = Vec::new();
        let mut map = None;
        if let Some(schema) = schema {
            for (name, origin) in exported_origins(graph, schema) {
                if name == MESSAGE_PAYLOADS {
                    map = PayloadMap::read(evaluator, graph, &origin);
                } else if is_payload_type(graph, &origin) {
                    types.push(name);
                }
            }
        }
        match (map, schema) {
            (Some(map), _) => return Self::Mapped(map),
            (None, Some(schema)) => report_not_exported(graph, schema),
            (None, None) => {}
        }
        Self::Unmapped { types, topics: exported.iter().filter_map(|one| topic(&one.definition)).collect() }
    }

    /// The payload type of a producer or consumer that is defined in `module`.
    pub(crate) fn of<'a>(&self, definition: &Definition<'a>, module: &Module<'a>) -> Option<Payload> {
        if !matches!(definition.kind, DefinitionKind::Producer | DefinitionKind::Consumer) {
            return None;
        }
        if let Some(written) =
            definition.payload.as_ref().filter(|written| written.module.path == module.path)
        {
            return Some(Payload { name: Some(one_line(&written.text)), reference: written.text.clone() });
        }
        let topic = topic(definition)?;
        match self {
            Self::Mapped(map) => map.payload(&topic),
            Self::Unmapped { types, topics } => match types.as_slice() {
                [only] if topics.len() == 1 => Some(Payload {
                    name: Some(only.clone()),
                    reference: format!("import(\"{SCHEMA_SPECIFIER}\").{only}"),
                }),
                _ => None,
            },
        }
    }

    /// The type of a configuration, in the declaration file of the module that defines it.
    pub(crate) fn config_type<'a>(&self, definition: &Definition<'a>, module: &Module<'a>) -> String {
        let name = definition.kind.config_type();
        match self.of(definition, module) {
            Some(payload) => format!("import(\"{PACKAGE}\").{name}<{}>", payload.reference),
            None => format!("import(\"{PACKAGE}\").{name}"),
        }
    }
}

impl PayloadMap {
    fn payload(&self, topic: &str) -> Option<Payload> {
        let key = serde_json::Value::from(topic);
        let map = format!("import(\"{SCHEMA_SPECIFIER}\").{MESSAGE_PAYLOADS}");
        let written =
            self.entries.iter().find(|(known, _)| known == topic).map(|(_, written)| written.clone());
        if written.is_some() || self.has_index {
            return Some(Payload { name: written, reference: format!("{map}[{key}]") });
        }
        let reference = format!("{map} extends {{ {key}: infer Payload }} ? Payload : any");
        self.is_open.then_some(Payload { name: None, reference })
    }
}

/// The topic of a producer or consumer, if it can be told.
pub(crate) fn topic(definition: &Definition<'_>) -> Option<String> {
    if !matches!(definition.kind, DefinitionKind::Producer | DefinitionKind::Consumer) {
        return None;
    }
    definition.config.property("topic")?.as_text().map(str::to_owned)
}

/// Whether an export is a type by itself: a generic one is a part of payloads, and so is an enum.
fn is_payload_type(graph: &ModuleGraph<'_>, origin: &Origin) -> bool {
    let Some((module, name)) = origin.declaration(graph) else { return !origin.is_value };
    declarations(&module).any(|declaration| match declaration {
        Declaration::TSInterfaceDeclaration(one) => one.id.name == name && one.type_parameters.is_none(),
        Declaration::TSTypeAliasDeclaration(one) => one.id.name == name && one.type_parameters.is_none(),
        Declaration::ClassDeclaration(one) => {
            one.id.as_ref().is_some_and(|id| id.name == name) && one.type_parameters.is_none()
        }
        _ => false,
    })
}

fn report_not_exported<'a>(graph: &ModuleGraph<'a>, schema: &Rc<Module<'a>>) {
    if schema.names.type_export(MESSAGE_PAYLOADS).is_some() {
        return;
    }
    let Some(span) = declarations(schema).find_map(|declaration| match declaration {
        Declaration::TSInterfaceDeclaration(one) => (one.id.name == MESSAGE_PAYLOADS).then_some(one.id.span),
        Declaration::TSTypeAliasDeclaration(one) => (one.id.name == MESSAGE_PAYLOADS).then_some(one.id.span),
        _ => None,
    }) else {
        return;
    };
    let problem =
        OxcDiagnostic::warn(format!("`{MESSAGE_PAYLOADS}` is not exported, so it types no messages"))
            .with_error_code("csbroker", "not-exported")
            .with_label(span.label("add `export`"));
    graph.report(schema, problem);
}
