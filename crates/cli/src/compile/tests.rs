//! What becomes of sources. What the client does is tested with Node and the TypeScript compiler, in `__test__/cli/`.

use super::*;

fn sources(files: &[(&str, &str)]) -> SourceFiles {
    files.iter().map(|(path, text)| (ModulePath::parse(path).unwrap(), (*text).to_owned())).collect()
}

fn compiled(files: &[(&str, &str)]) -> Compilation {
    match compile(&sources(files), None) {
        Ok(compilation) => compilation,
        Err(CompileError::Invalid(problems)) => {
            panic!("{}", problems.iter().map(|one| one.frame(false, true)).collect::<String>())
        }
        Err(error) => panic!("{error}"),
    }
}

/// The codes of what is wrong, in order.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    match compile(&sources(files), None) {
        Ok(compilation) => compilation.warnings.iter().map(|one| one.data().code).collect(),
        Err(CompileError::Invalid(problems)) => problems.iter().map(|one| one.data().code).collect(),
        Err(error) => panic!("{error}"),
    }
}

const SCHEMA: &str = "export interface Purchase { id: string }\n";

#[test]
fn the_documents_example_becomes_a_client() {
    let config = include_str!("../../../../examples/nestjs-consumer/change-stream/config.ts");
    let schema = include_str!("../../../../examples/nestjs-consumer/change-stream/message-payload.schema.ts");
    let compilation = compiled(&[("config.ts", config), ("message-payload.schema.ts", schema)]);
    assert!(compilation.warnings.is_empty(), "{:?}", compilation.warnings);
    let consumer = &compilation.contents.consumers[0];
    assert_eq!(consumer.topic.as_deref(), Some("purchases.new-purchase"));
    assert_eq!(consumer.payload.as_deref(), Some("PurchaseCreatedPayload"));
    assert_eq!(consumer.group.as_deref(), Some("classroom-service"));
    assert_eq!(
        compilation.contents.brokers[0].environment,
        ["MONGODB_BROKER_URI", "MONGODB_BROKER_DATABASE"]
    );
}

#[test]
fn values_are_told_across_modules() {
    let config = "import { TOPIC as T, days } from './topics'\nimport * as topics from './topics'\n\
        enum Groups { First = 'first', Second = 'second' }\nconst base = { partitions: 3, retentionMs: days(7) }\n\
        const make = (topic: string) => defineProducer({ topic, ...base })\n\
        export const a = make(T.purchases)\n\
        export const b = defineConsumer({ groupId: `${Groups.Second}-${1 + 1}`, topic: topics.TOPIC['refunds'], partitions: Array.from({ length: 3 }, (_, i) => i) })\n";
    let topics = "export const TOPIC = { purchases: 'p', refunds: 'r' } as const\n\
        export function days(n: number): number { const hours = n * 24; return hours * 3_600_000 }\n";
    let compilation = compiled(&[("config.ts", config), ("topics.ts", topics)]);
    assert_eq!(compilation.contents.producers[0].topic.as_deref(), Some("p"));
    assert_eq!(compilation.contents.consumers[0].topic.as_deref(), Some("r"));
    assert_eq!(compilation.contents.consumers[0].group.as_deref(), Some("second-2"));
    assert_eq!(compilation.sources.len(), 2);
}

#[test]
fn problems_have_codes() {
    let producer = |fields: &str| format!("export const a = defineProducer({{ {fields} }})");
    let of = |config: &str| problems(&[("config.ts", config), ("message-payload.schema.ts", SCHEMA)]);
    assert_eq!(of(&producer("topic: 'a', partitions: 1, retentionMs: 1000")), [""; 0]);
    assert_eq!(
        of(&producer("topic: 'a', partitons: 1, partitions: 1, retentionMs: 1000")),
        ["unknown-property"]
    );
    assert_eq!(of(&producer("topic: 'a', partitions: 1")), ["missing-property"]);
    assert_eq!(of(&producer("topic: 'a', partitions: 0, retentionMs: 1000")), ["invalid-value"]);
    assert_eq!(of("const a ="), ["syntax"]);
    assert_eq!(of("const a = 1; const a = 2"), ["syntax"]);
    assert_eq!(of("import { x } from './nowhere'\nexport const y: string = x"), ["unresolved-import"]);
    assert_eq!(of("export const x = await Promise.resolve(1)"), ["top-level-await", "untyped-export"]);
    assert_eq!(
        of("const a = defineProducer({ topic: 'a', partitions: 1, retentionMs: 1000 })"),
        ["not-exported"]
    );
    let two = "export const a = defineProducer({ topic: 'a', partitions: 2, retentionMs: 1000 })\n";
    assert_eq!(
        of(&format!("{two}{}", two.replace("const a", "const b").replace('2', "3"))),
        ["conflicting-partitions"]
    );
    let beyond = "export const c = defineConsumer({ groupId: 'g', topic: 'a', partitions: [0, 2] })";
    assert_eq!(of(&format!("{two}{beyond}")), ["partition-out-of-range"]);
    assert_eq!(problems(&[]), ["no-config"]);
}

#[test]
fn a_problem_is_shown_where_it_is() {
    let config = "export const a = defineProducer({\n  topic: 'a',\n  partitons: 1,\n  partitions: 1,\n  retentionMs: 1000,\n})\n";
    let Err(CompileError::Invalid(problems)) = compile(&sources(&[("config.ts", config)]), None) else {
        panic!()
    };
    let frame = problems[0].frame(false, true);
    assert!(frame.contains("change-stream/config.ts:3:3"), "{frame}");
    assert!(frame.contains("did you mean `partitions`?"), "{frame}");
    let data = problems[0].data();
    assert_eq!((data.line, data.column, data.end_line, data.end_column), (3, 3, 3, 12));
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let files = [("config.ts", "import './b'\nimport './a'\nexport const x = 1"), ("a.ts", ""), ("b.ts", "")];
    assert_eq!(compiled(&files).client, compiled(&files).client);
}

#[test]
fn nothing_that_is_nested_ends_the_process() {
    for nested in ["(", "[", "{", "!", "a=>", "new ", "`${", "-", "a?b:", "<", "f(", "typeof "] {
        let config = format!("export const x = {}", nested.repeat(20_000));
        assert!(compile(&sources(&[("config.ts", &config)]), None).is_err(), "{nested}");
    }
}

/// An object that contains another one twice, which contains another one twice, and so on.
#[test]
fn what_doubles_with_each_line_comes_to_an_end() {
    let line = |index| format!("const x{} = {{ a: x{index}, b: x{index} }}\n", index + 1);
    let lines = (0..200).map(line).collect::<Vec<_>>().concat();
    let config = format!(
        "const x0: any = {{ c: 1 }}\n{lines}export const all = x200\nexport const b = defineBroker(x200)"
    );
    assert_eq!(problems(&[("config.ts", &config)]), ["untyped-export"]);
}

#[test]
fn a_name_of_the_users_keeps_a_map_away() {
    let compilation = compiled(&[("config.ts", "export type consumers = 1\nexport const topics = 1\n")]);
    let entry = |extension: &str| &compilation.client[&format!("created-by-csbroker-generate.{extension}")];
    for (name, is_there) in [("producers", true), ("consumers", false), ("topics", false)] {
        assert_eq!(entry("d.ts").contains(&format!("declare const {name}:")), is_there, "{name}");
        assert_eq!(entry("mjs").contains(&format!("export const {name} =")), is_there, "{name}");
        assert_eq!(entry("js").contains(&format!("exports.{name} =")), is_there, "{name}");
    }
}

#[test]
fn payloads_with_parameters_are_no_map() {
    let of = |schema: &str| {
        let config = "export const a = defineProducer({ topic: 'a', partitions: 1, retentionMs: 1000 })";
        problems(&[("config.ts", config), ("message-payload.schema.ts", schema)])
    };
    assert_eq!(of("export interface MessagePayloads<T> { a: T }"), ["untyped-topic"]);
    assert_eq!(of("export interface MessagePayloads<T = 1> { a: T }"), [""; 0]);
    assert_eq!(of("interface MessagePayloads { a: 1 }\nexport type A = 1"), ["not-exported"]);
    assert_eq!(of("type A<T> = { [K in 'a']: T }\nexport type MessagePayloads = A<1>"), [""; 0]);
    assert_eq!(of("type A = { a: 1 }\nexport type MessagePayloads = A & { b: 1 }"), [""; 0]);
    assert_eq!(of("type A = { b: 1 }\nexport type MessagePayloads = A"), ["untyped-topic"]);
    assert_eq!(of("export interface MessagePayloads extends MessagePayloads { b: 1 }"), [""; 0]);
}

#[test]
fn a_type_parameter_is_no_payload_elsewhere() {
    let config = "const make = <T,>(topic: string) => defineProducer<T>({ topic, partitions: 1, retentionMs: 1000 })\n\
        const makeList = <T,>() => defineProducer<T[]>({ topic: 'c', partitions: 1, retentionMs: 1000 })\n\
        export const a = make<{ a: 1 }>('a')\nexport const b = make('b')\nexport const c = makeList<string>()\n";
    let compilation = compiled(&[("config.ts", config)]);
    let payloads: Vec<_> = compilation.contents.producers.iter().map(|one| one.payload.as_deref()).collect();
    assert_eq!(payloads, [Some("{ a: 1 }"), None, None]);
    let types = &compilation.client["config.d.ts"];
    assert!(types.contains("a: import(\"@dafaz/change-stream-broker\").ProducerConfig<{"), "{types}");
    assert!(types.contains("b: import(\"@dafaz/change-stream-broker\").ProducerConfig;"), "{types}");
}
