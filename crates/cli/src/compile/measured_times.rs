//! How long compilations take. Says so, and judges nothing: run it with `cargo nextest run --release -p csb-cli
//! --run-ignored all --no-capture measured_times`.

use std::fmt::Write;
use std::time::Duration;

use csb_core::runtime::clock;

use super::*;

const RUNS: usize = 51;

#[test]
#[ignore = "only measures"]
#[expect(clippy::print_stdout, reason = "its result is what it prints")]
fn measured_times() {
    let config = include_str!("../../../../examples/nestjs-consumer/change-stream/config.ts");
    let schema = include_str!("../../../../examples/nestjs-consumer/change-stream/message-payload.schema.ts");
    println!("the document's project: {:?}", median(&sources(config, schema)));
    for topics in [200, 1000] {
        println!("{topics} topics: {:?}", median(&many_topics(topics)));
    }
}

fn sources(config: &str, schema: &str) -> SourceFiles {
    let files = [(ModulePath::config(), config), (ModulePath::schema(), schema)];
    files.map(|(path, text)| (path, text.to_owned())).into()
}

/// A producer, a consumer and a payload type for each, their names in one object.
fn many_topics(count: usize) -> SourceFiles {
    let mut config = "const TOPICS = {\n".to_owned();
    let mut schema = "export interface MessagePayloads {\n".to_owned();
    let mut types = String::new();
    for topic in 0..count {
        let _ = writeln!(config, "  topic{topic}: 'shop.topic-{topic}',");
        let _ = writeln!(schema, "  'shop.topic-{topic}': Payload{topic}");
        let _ = writeln!(
            types,
            "export interface Payload{topic} {{ id: string; total: number; tags: string[] }}"
        );
    }
    config += "} as const\nconst shared = { partitions: 3, retentionMs: 7 * 24 * 60 * 60 * 1000 }\n";
    for topic in 0..count {
        let _ = write!(
            config,
            "export const producer{topic} = defineProducer({{ topic: TOPICS.topic{topic}, ...shared }})\n\
             export const consumer{topic} = defineConsumer({{\n  topic: TOPICS.topic{topic},\n  groupId: 'shop',\n  \
             partitions: Array.from({{ length: shared.partitions }}, (_, index) => index),\n}})\n"
        );
    }
    sources(&config, &format!("{types}{schema}}}\n"))
}

fn median(sources: &SourceFiles) -> Duration {
    let mut times = [Duration::ZERO; RUNS];
    for time in &mut times {
        let begin = clock::now();
        let compilation = compile(sources, None).unwrap();
        *time = begin.elapsed();
        assert!(compilation.warnings.is_empty());
    }
    times.sort();
    times[RUNS / 2]
}
