//! Puts the entry of a client together.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::assembled_client::ClientParts;
use super::duplicate_exports::report_duplicates;
use super::entry_files::{ENTRY, Entry, HEADER, LOAD_ENV, LOAD_ENV_JS};
use crate::compile::ClientFiles;
use crate::definition::payload_types::{PayloadTypes, topic};
use crate::evaluation::name_origins::exported_origins;
use crate::evaluation::value::DefinitionKind;

const MESSAGE_TYPE: &str = "MessageType";

pub(super) fn write_entry(parts: &ClientParts<'_, '_>, files: &mut ClientFiles) {
    report_duplicates(parts);
    let sources: Vec<_> = parts.schema.iter().chain([&parts.config]).map(Rc::clone).collect();
    let mut taken = Vec::new();
    for module in &sources {
        taken.extend(exported_origins(parts.graph, module).into_iter().map(|(name, _)| name));
    }
    let has_message_type = taken.iter().any(|name| name == MESSAGE_TYPE);
    let payloads = match parts.payloads {
        PayloadTypes::Mapped(_) => None,
        PayloadTypes::Unmapped { .. } => Some(topics_with_payloads(parts)),
    };
    let entry = Entry {
        modules: sources.iter().map(|module| module.path.client_stem()).collect(),
        definitions: parts.definitions,
        taken: &taken,
        config: parts.config.path.client_stem(),
        payloads,
        has_message_type,
    };
    let written = [
        (format!("{ENTRY}.mjs"), entry.mjs()),
        (format!("{ENTRY}.js"), entry.cjs()),
        (format!("{ENTRY}.d.ts"), entry.declarations(".js")),
        (format!("{ENTRY}.d.mts"), entry.declarations(".mjs")),
        (LOAD_ENV.to_owned(), format!("{HEADER}{LOAD_ENV_JS}")),
        // Node takes .js for CommonJS whatever the project around it is.
        ("package.json".to_owned(), "{\n  \"type\": \"commonjs\"\n}\n".to_owned()),
    ];
    files.extend(written);
}

/// Topics of which a definition tells the payload type, each with the first that does.
fn topics_with_payloads(parts: &ClientParts<'_, '_>) -> Vec<(String, String)> {
    let mut topics: BTreeMap<String, String> = BTreeMap::new();
    for one in parts.definitions.iter().filter(|one| one.definition.kind != DefinitionKind::Topic) {
        let is_typed = parts.payloads.of(&one.definition, &one.definition.module).is_some();
        if let Some(topic) = topic(&one.definition).filter(|_| is_typed) {
            topics.entry(topic).or_insert_with(|| one.name.clone());
        }
    }
    topics.into_iter().collect()
}
