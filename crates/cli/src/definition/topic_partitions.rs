//! What the definitions of one topic say about its partitions must go together.

use std::collections::BTreeMap;

use oxc::diagnostics::OxcDiagnostic;

use super::config_values::{FieldPart, field_span};
use super::exported_definitions::ExportedDefinition;
use super::payload_types::topic;
use crate::evaluation::value::{DefinitionKind, Value};
use crate::source::module_graph::ModuleGraph;

/// Reports producers that disagree, and consumers that read partitions that are not there.
pub(crate) fn check_partitions<'a>(graph: &ModuleGraph<'a>, exported: &[ExportedDefinition<'a>]) {
    let mut counts: BTreeMap<String, (u32, &ExportedDefinition<'a>)> = BTreeMap::new();
    for one in exported.iter().filter(|one| one.definition.kind == DefinitionKind::Producer) {
        let (Some(topic), Some(count)) = (topic(&one.definition), partition_count(one)) else { continue };
        match counts.get(&topic) {
            Some((first, other)) if *first != count => {
                conflicting(graph, &topic, (*first, other), (count, one));
            }
            Some(_) => {}
            None => drop(counts.insert(topic, (count, one))),
        }
    }
    for one in exported.iter().filter(|one| one.definition.kind == DefinitionKind::Consumer) {
        let Some(topic) = topic(&one.definition) else { continue };
        let Some((count, producer)) = counts.get(&topic) else { continue };
        if let Some(beyond) = partitions(one).into_iter().find(|partition| *partition >= f64::from(*count)) {
            out_of_range(graph, &topic, (beyond, one), (*count, producer));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
fn partition_count(one: &ExportedDefinition<'_>) -> Option<u32> {
    match one.definition.config.property("partitions")? {
        Value::Number(count) if count.fract() == 0.0 && (1.0..=1024.0).contains(&count) => Some(count as u32),
        _ => None,
    }
}

fn partitions(one: &ExportedDefinition<'_>) -> Vec<f64> {
    let Some(Value::List(members)) = one.definition.config.property("partitions") else { return Vec::new() };
    let numbers = members.iter().filter_map(|member| match member {
        Value::Number(number) => Some(*number),
        _ => None,
    });
    numbers.collect()
}

fn conflicting<'a>(
    graph: &ModuleGraph<'a>,
    topic: &str,
    (first, other): (u32, &ExportedDefinition<'a>),
    (count, one): (u32, &ExportedDefinition<'a>),
) {
    let message =
        format!("topic '{topic}' has {first} partitions in `{}` and {count} in `{}`", other.name, one.name);
    let here = field_span(&one.definition, "partitions", FieldPart::Value).label("and differently here");
    let there = field_span(&other.definition, "partitions", FieldPart::Value).label("first given here");
    let problem = OxcDiagnostic::error(message)
        .with_error_code("csbroker", "conflicting-partitions")
        .with_label(here)
        .and_labels(same_file(other, one).then_some(there))
        .with_help("a topic has one number of partitions: give the same in both");
    graph.report(&one.definition.module, problem);
}

fn out_of_range<'a>(
    graph: &ModuleGraph<'a>,
    topic: &str,
    (beyond, one): (f64, &ExportedDefinition<'a>),
    (count, producer): (u32, &ExportedDefinition<'a>),
) {
    let message = format!(
        "consumer `{}` reads partition {beyond} of '{topic}', which has only {count} (0 to {})",
        one.name,
        count - 1
    );
    let here = field_span(&one.definition, "partitions", FieldPart::Value).label("read here");
    let there = field_span(&producer.definition, "partitions", FieldPart::Value)
        .label(format!("count set by `{}`", producer.name));
    let problem = OxcDiagnostic::error(message)
        .with_error_code("csbroker", "partition-out-of-range")
        .with_label(here)
        .and_labels(same_file(producer, one).then_some(there));
    graph.report(&one.definition.module, problem);
}

fn same_file(one: &ExportedDefinition<'_>, other: &ExportedDefinition<'_>) -> bool {
    one.definition.module.path == other.definition.module.path
}
