//! From source files to a client: pure, but for the reading of the files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::thread;

use oxc::allocator::Allocator;
use serde::Serialize;

use crate::definition::checks::check_definitions;
use crate::definition::exported_definitions::{ExportedDefinition, exported_definitions};
use crate::definition::payload_types::{PayloadTypes, topic};
use crate::emit::assembled_client::{ClientParts, assemble};
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::value::{DefinitionKind, Value};
use crate::source::diagnostic::Diagnostic;
use crate::source::module_graph::ModuleGraph;
use crate::source::module_path::ModulePath;
use crate::source::source_files::{ReadSources, SourceFiles};

const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The files of a client, by their path in its folder, with `/`. Two compilations of the same sources give the same bytes.
pub type ClientFiles = BTreeMap<String, String>;

/// A client, and what it was made from.
#[derive(Debug)]
pub struct Compilation {
    /// To be written.
    pub client: ClientFiles,
    /// Every file that was read.
    pub sources: SourceFiles,
    /// What is in the client.
    pub contents: ClientContents,
    /// What is noteworthy.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Something is wrong with the files. At least one is an error; warnings may be among them.
    #[error("the files in change-stream/ have errors")]
    Invalid(Vec<Diagnostic>),
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// This program is wrong.
    #[error("csbroker has a defect, please report it: {0}")]
    Defect(String),
}

/// What a client exports, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClientContents {
    /// Brokers.
    pub brokers: Vec<BrokerEntry>,
    /// Producers.
    pub producers: Vec<ProducerEntry>,
    /// Consumers.
    pub consumers: Vec<ConsumerEntry>,
}

/// A broker's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokerEntry {
    /// Name of the export.
    pub name: String,
    /// Environment variables that it cannot do without, such as `MONGODB_BROKER_URI`.
    pub environment: Vec<String>,
}

/// A producer's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProducerEntry {
    /// Name of the export.
    pub name: String,
    /// Its topic, unless only a running program can tell.
    pub topic: Option<String>,
    /// Its payload type, as it is written, if it has one.
    pub payload: Option<String>,
}

/// A consumer's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerEntry {
    /// Name of the export.
    pub name: String,
    /// Its topic, unless only a running program can tell.
    pub topic: Option<String>,
    /// Its payload type, as it is written, if it has one.
    pub payload: Option<String>,
    /// Its group, unless only a running program can tell.
    pub group: Option<String>,
}

/// Reads `config.ts` and `message-payload.schema.ts`, and what they import, and makes the client of them.
///
/// `packages` is a folder in or below which imports of packages are looked up, as Node does; `None` leaves them unchecked.
pub fn compile(reader: &dyn ReadSources, packages: Option<&Path>) -> Result<Compilation, CompileError> {
    with_room(|| compile_here(reader, packages))?
}

fn compile_here(reader: &dyn ReadSources, packages: Option<&Path>) -> Result<Compilation, CompileError> {
    let arena = Allocator::default();
    let graph = ModuleGraph::new(&arena, reader);
    let made = make_client(&graph, packages);
    let (sources, diagnostics, unreadable) = graph.finish();
    if let Some(error) = unreadable {
        return Err(CompileError::Unreadable(error));
    }
    match made {
        Some((client, contents)) if !diagnostics.iter().any(Diagnostic::is_error) => {
            Ok(Compilation { client, sources, contents, warnings: diagnostics })
        }
        _ => Err(CompileError::Invalid(diagnostics)),
    }
}

/// Reads the same files, as far as they can be found, whatever is wrong with them.
pub fn read_sources(reader: &dyn ReadSources) -> io::Result<SourceFiles> {
    let read = with_room(|| {
        let arena = Allocator::default();
        let graph = ModuleGraph::new(&arena, reader);
        make_client(&graph, None);
        let (sources, _, unreadable) = graph.finish();
        unreadable.map_or(Ok(sources), Err)
    });
    read.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Nested code is read by functions that call themselves: they get a stack of their own, which is taken only as far as it
/// is needed. A panic of the parser is an error like others.
fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, CompileError> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("csbroker".to_owned()).stack_size(STACK_BYTES);
        worker.spawn_scoped(scope, work)?.join().map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            CompileError::Defect(text.to_owned())
        })
    })
}

/// `None` if something was reported that leaves nothing to go on with.
fn make_client(graph: &ModuleGraph<'_>, packages: Option<&Path>) -> Option<(ClientFiles, ClientContents)> {
    let schema = graph.module(&ModulePath::schema());
    let Some(config) = graph.module(&ModulePath::config()) else {
        graph.report_absent(&ModulePath::config());
        return None;
    };
    let evaluator = Evaluator::new(graph);
    let definitions = exported_definitions(&evaluator, graph, &config);
    let payloads = PayloadTypes::read(&evaluator, graph, schema.as_ref(), &definitions);
    check_definitions(&evaluator, graph, &config, &definitions, &payloads);
    let contents = contents(&definitions, &payloads);
    let parts = ClientParts {
        graph,
        evaluator: &evaluator,
        config,
        schema,
        definitions: &definitions,
        payloads: &payloads,
        packages,
    };
    Some((assemble(&parts), contents))
}

fn contents(definitions: &[ExportedDefinition<'_>], payloads: &PayloadTypes) -> ClientContents {
    let mut contents = ClientContents::default();
    for ExportedDefinition { name, definition } in definitions {
        let name = name.clone();
        let topic = topic(definition);
        let payload = payloads.of(definition, &definition.module).and_then(|payload| payload.name);
        match definition.kind {
            DefinitionKind::Broker => {
                let fields = ["mongoUri", "database"].map(|field| definition.config.property(field));
                let environment = fields.into_iter().filter_map(|value| match value {
                    Some(Value::Environment(variable)) => Some(variable),
                    _ => None,
                });
                contents.brokers.push(BrokerEntry { name, environment: environment.collect() });
            }
            DefinitionKind::Producer => contents.producers.push(ProducerEntry { name, topic, payload }),
            DefinitionKind::Consumer => {
                let group = definition.config.property("groupId");
                let group = group.as_ref().and_then(Value::as_text).map(str::to_owned);
                contents.consumers.push(ConsumerEntry { name, topic, payload, group });
            }
            DefinitionKind::Topic => {}
        }
    }
    contents
}

#[cfg(test)]
mod mangled_sources;
#[cfg(test)]
mod measured_times;
#[cfg(test)]
mod tests;
