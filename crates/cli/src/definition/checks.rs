//! Everything about definitions that can be told to be wrong before the service runs.

use std::rc::Rc;

use csb_core::config::{BrokerConfig, ConfigCheck, ConsumerConfig, ProducerConfig, TopicConfig, Violation};
use oxc::ast::ast::BindingPattern;
use oxc::diagnostics::OxcDiagnostic;
use oxc::span::GetSpan;

use super::config_values::{FieldPart, KnownConfig, field_span, known_config};
use super::exported_definitions::{ExportedDefinition, defined_constants};
use super::payload_types::{PayloadTypes, topic};
use super::topic_partitions::check_partitions;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::module_names::ImportedName;
use crate::evaluation::value::{Definition, DefinitionKind, Value};
use crate::source::module_graph::{Module, ModuleGraph};

/// Fields that JavaScript alone knows.
const BROKER_ONLY_IN_JAVASCRIPT: &str = "logger";
/// Differences in spelling up to which a name is suggested.
const SUGGESTED: f64 = 0.6;

/// Reports what is wrong with the exported definitions, and those that are not exported.
pub(crate) fn check_definitions<'a>(
    evaluator: &Evaluator<'_, 'a>,
    graph: &ModuleGraph<'a>,
    config: &Rc<Module<'a>>,
    exported: &[ExportedDefinition<'a>],
    payloads: &PayloadTypes,
) {
    for one in exported {
        check_config(graph, one);
        check_payload(graph, one, payloads);
    }
    check_partitions(graph, exported);
    for (declarator, definition) in defined_constants(evaluator, config) {
        let is_exported = exported.iter().any(|one| is_same(&one.definition, &definition));
        if let (BindingPattern::BindingIdentifier(id), false) = (&declarator.id, is_exported) {
            let message = format!("`{}` is not exported, so the client will not contain it", id.name);
            let problem = OxcDiagnostic::warn(message)
                .with_error_code("csbroker", "not-exported")
                .with_label(id.span.label("add `export`"));
            graph.report(config, problem);
        }
    }
    check_default_export(evaluator, graph, config, exported);
}

/// Clients have no default export.
fn check_default_export<'a>(
    evaluator: &Evaluator<'_, 'a>,
    graph: &ModuleGraph<'a>,
    config: &Rc<Module<'a>>,
    exported: &[ExportedDefinition<'a>],
) {
    let Value::Definition(definition) = evaluator.export(config, ImportedName::Default) else { return };
    if exported.iter().any(|one| is_same(&one.definition, &definition)) {
        return;
    }
    let noun = definition.kind.noun();
    let problem = OxcDiagnostic::warn(format!(
        "a {noun} is exported without a name, so the client will not contain it"
    ))
    .with_error_code("csbroker", "not-exported")
    .with_label(definition.span.label("give it a name"))
    .with_help(format!("write `export const name = {}(…)`", definition.kind.function()));
    graph.report(&definition.module, problem);
}

fn is_same(one: &Definition<'_>, other: &Definition<'_>) -> bool {
    one.module.path == other.module.path && one.span == other.span
}

fn check_config<'a>(graph: &ModuleGraph<'a>, one: &ExportedDefinition<'a>) {
    let definition = &one.definition;
    let Some(known) = known_config(&definition.config) else { return };
    let checked = engine_check(definition.kind, &known);
    for field in &known.fields {
        if let Some(problem) = unknown_field(definition, field, &checked) {
            graph.report(&definition.module, problem);
        }
    }
    for violation in &checked.violations {
        if !known.unknown.iter().any(|unknown| is_within(&violation.field, unknown)) {
            graph.report(&definition.module, refused(one, violation, &known));
        }
    }
}

/// A list of which one member is unknown is unknown as a whole.
fn is_within(field: &str, unknown: &str) -> bool {
    field == unknown || field.strip_prefix(unknown).is_some_and(|rest| rest.starts_with('.'))
}

fn engine_check(kind: DefinitionKind, known: &KnownConfig) -> ConfigCheck {
    match kind {
        DefinitionKind::Broker => {
            let mut checked = BrokerConfig::check(&known.document);
            checked.known_fields.insert(BROKER_ONLY_IN_JAVASCRIPT.to_owned());
            checked
        }
        DefinitionKind::Topic => TopicConfig::check(&known.document),
        DefinitionKind::Producer => ProducerConfig::check(&known.document),
        DefinitionKind::Consumer => ConsumerConfig::check(&known.document),
    }
}

fn unknown_field(definition: &Definition<'_>, field: &str, checked: &ConfigCheck) -> Option<OxcDiagnostic> {
    let is_known = |known: &String| known == field || is_within(field, known) && !is_section(known, checked);
    if checked.known_fields.iter().any(is_known) {
        return None;
    }
    let noun = definition.kind.noun();
    // The watch options of the driver are many, and most of them mean nothing here.
    let problem = if field.contains('.') {
        OxcDiagnostic::warn(format!("unknown option `{field}` of a {noun} has no effect"))
    } else {
        OxcDiagnostic::error(format!("unknown property `{field}` of a {noun}"))
    };
    let label = field_span(definition, field, FieldPart::Name).label("not a known property");
    let problem = problem.with_error_code("csbroker", "unknown-property").with_label(label);
    Some(match nearest(field, checked.known_fields.iter().map(String::as_str)) {
        Some(nearest) => problem.with_help(format!("did you mean `{nearest}`?")),
        None => problem.with_help(format!("known are {}", top_level(checked))),
    })
}

fn is_section(field: &str, checked: &ConfigCheck) -> bool {
    checked
        .known_fields
        .iter()
        .any(|known| known.strip_prefix(field).is_some_and(|rest| rest.starts_with('.')))
}

fn top_level(checked: &ConfigCheck) -> String {
    let names: Vec<_> =
        checked.known_fields.iter().filter(|known| !known.contains('.')).map(String::as_str).collect();
    names.join(", ")
}

fn refused(one: &ExportedDefinition<'_>, violation: &Violation, known: &KnownConfig) -> OxcDiagnostic {
    let definition = &one.definition;
    let (problem, demand) = violation.problem.split_once(": ").unwrap_or((&violation.problem, ""));
    let is_missing = !known.fields.contains(&violation.field);
    let code = if is_missing { "missing-property" } else { "invalid-value" };
    let label = if is_missing {
        definition
            .argument
            .map_or(definition.span, GetSpan::span)
            .label(format!("add `{}` here", violation.field))
    } else {
        field_span(definition, &violation.field, FieldPart::Value).label("given here")
    };
    let message = format!("`{}` of {} `{}` {problem}", violation.field, definition.kind.noun(), one.name);
    let problem = OxcDiagnostic::error(message).with_error_code("csbroker", code).with_label(label);
    if demand.is_empty() { problem } else { problem.with_help(demand.to_owned()) }
}

fn check_payload<'a>(graph: &ModuleGraph<'a>, one: &ExportedDefinition<'a>, payloads: &PayloadTypes) {
    let definition = &one.definition;
    let (Some(topic), None) = (topic(definition), &definition.payload) else { return };
    if payloads.of(definition, &definition.module).is_some() {
        return;
    }
    let (message, help) = match payloads {
        PayloadTypes::Mapped(map) => {
            let known = map.entries.iter().map(|(topic, _)| topic.as_str());
            let help = nearest(&topic, known).map_or_else(
                || format!("add `'{topic}': YourPayload` to MessagePayloads in message-payload.schema.ts"),
                |nearest| format!("did you mean '{nearest}'?"),
            );
            (format!("topic '{topic}' has no entry in MessagePayloads, so its messages are untyped"), help)
        }
        PayloadTypes::Unmapped { .. } => (
            format!("no payload type is known for topic '{topic}', so its messages are untyped"),
            format!(
                "export `interface MessagePayloads {{ '{topic}': YourPayload }}` from message-payload.schema.ts, or write \
                 `define{}<YourPayload>(…)`",
                if definition.kind == DefinitionKind::Producer { "Producer" } else { "Consumer" }
            ),
        ),
    };
    let label = field_span(definition, "topic", FieldPart::Value).label("no payload type");
    let problem = OxcDiagnostic::warn(message)
        .with_error_code("csbroker", "untyped-topic")
        .with_label(label)
        .with_help(help);
    graph.report(&definition.module, problem);
}

/// The known name that is spelt most alike.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let alike = known.map(|known| {
        let ratio = similar::TextDiff::from_chars(name.to_lowercase(), known.to_lowercase()).ratio();
        (f64::from(ratio), known)
    });
    let best = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= SUGGESTED).then(|| best.1.to_owned())
}
