//! What is in a client, for people and for programs.

use serde::Serialize;

use super::changes::{self, ChangeData};
use crate::compile::{BrokerEntry, ClientContents, ConsumerEntry, ProducerEntry};
use crate::generation::generate_client::Generated;
use crate::project::installation::Placement;
use crate::project::project_folder::Project;
use crate::source::diagnostic::{Diagnostic, DiagnosticData};
use crate::terminal::look::{Look, Mark};
use crate::terminal::table::table;

/// A [`Generated`] as data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientDocument<'a> {
    pub(crate) ok: bool,
    pub(crate) changed: bool,
    pub(crate) ms: u64,
    pub(crate) client: String,
    pub(crate) mode: &'static str,
    pub(crate) brokers: &'a [BrokerEntry],
    pub(crate) producers: &'a [ProducerEntry],
    pub(crate) consumers: &'a [ConsumerEntry],
    pub(crate) files: Vec<ChangeData>,
    pub(crate) backup: Option<&'a str>,
    pub(crate) missing_environment: &'a [String],
    pub(crate) diagnostics: Vec<DiagnosticData>,
}

impl<'a> ClientDocument<'a> {
    /// For programs.
    pub(crate) fn of(generated: &'a Generated, project: &Project) -> Self {
        Self {
            ok: true,
            changed: generated.is_changed,
            ms: milliseconds(generated),
            client: client_path(&generated.placement, project),
            mode: mode(&generated.placement),
            brokers: &generated.contents.brokers,
            producers: &generated.contents.producers,
            consumers: &generated.contents.consumers,
            files: changes::data(&generated.differences),
            backup: generated.backup.as_deref(),
            missing_environment: &generated.missing_environment,
            diagnostics: generated.warnings.iter().map(Diagnostic::data).collect(),
        }
    }
}

/// How long it took; a part of a millisecond counts as one.
pub(crate) fn milliseconds(generated: &Generated) -> u64 {
    u64::try_from(generated.elapsed.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// How the client is placed, in a word.
pub(crate) fn mode(placement: &Placement) -> &'static str {
    match placement {
        Placement::Beside { .. } => "sibling",
        Placement::Forwarding { .. } => "forwarding",
        Placement::Out { .. } => "out",
    }
}

/// The client's folder, from the project's root if it is in there.
pub(crate) fn client_path(placement: &Placement, project: &Project) -> String {
    let client = placement.client();
    client.strip_prefix(&project.root).unwrap_or(client).display().to_string()
}

/// A line for each producer and consumer: name, topic, payload, group.
pub(crate) fn contents_lines(contents: &ClientContents, look: Look) -> Vec<String> {
    let entries: Vec<_> =
        contents.producers.iter().map(producer).chain(contents.consumers.iter().map(consumer)).collect();
    // The arrow stands closer to both sides than columns do to each other.
    let names: Vec<_> =
        entries.iter().map(|(name, arrow, _)| vec![(*name).to_owned(), look.mark(*arrow)]).collect();
    let columns: Vec<_> = entries.into_iter().map(|(_, _, columns)| columns).collect();
    table(&names, 2)
        .iter()
        .zip(table(&columns, 3))
        .map(|(name, columns)| format!("{name}  {columns}"))
        .collect()
}

fn producer(producer: &ProducerEntry) -> (&str, Mark, Vec<String>) {
    let columns = vec![topic(producer.topic.as_deref()), payload(producer.payload.as_deref())];
    (&producer.name, Mark::Sends, columns)
}

fn consumer(consumer: &ConsumerEntry) -> (&str, Mark, Vec<String>) {
    let group = consumer.group.as_ref().map(|group| format!("group {group}")).unwrap_or_default();
    let columns = vec![topic(consumer.topic.as_deref()), payload(consumer.payload.as_deref()), group];
    (&consumer.name, Mark::Receives, columns)
}

fn topic(topic: Option<&str>) -> String {
    topic.unwrap_or("(a topic that the program chooses)").to_owned()
}

fn payload(payload: Option<&str>) -> String {
    payload.unwrap_or("any payload").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_and_consumers_stand_in_columns() {
        let contents = ClientContents {
            brokers: vec![],
            producers: vec![ProducerEntry {
                name: "purchasesProducerConfig".to_owned(),
                topic: Some("purchases.new-purchase".to_owned()),
                payload: Some("PurchaseCreatedPayload".to_owned()),
            }],
            consumers: vec![ConsumerEntry {
                name: "refunds".to_owned(),
                topic: None,
                payload: None,
                group: Some("classroom-service".to_owned()),
            }],
        };
        assert_eq!(
            contents_lines(&contents, Look { color: false, unicode: true }),
            [
                "purchasesProducerConfig  →  purchases.new-purchase               PurchaseCreatedPayload",
                "refunds                  ←  (a topic that the program chooses)   any payload              group classroom-service",
            ]
        );
    }
}
