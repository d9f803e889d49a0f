//! What is known of values without running anything; and that what is not known is not guessed.

use oxc::allocator::Allocator;

use super::*;
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;

/// The value of `x`, which one of the modules exports, as text.
fn told(files: &[(&str, &str)]) -> String {
    let path = |path: &str| ModulePath::parse(path).unwrap();
    let sources: SourceFiles = files.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect();
    let arena = Allocator::default();
    let graph = ModuleGraph::new(&arena, &sources);
    let config = graph.module(&ModulePath::config()).unwrap();
    let value = Evaluator::new(&graph).export(&config, ImportedName::Named("x"));
    let text = shown(&value);
    drop(value);
    assert!(config.program.is_some(), "{files:?}");
    text
}

fn of(code: &str) -> String {
    told(&[("config.ts", code)])
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("'{text}'"),
        Value::List(members) => format!("[{}]", members.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(properties) => {
            let each = properties.iter().map(|(name, value)| format!("{name}: {}", shown(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
        Value::Environment(name) => format!("env {name}"),
        Value::Function(_) => "function".to_owned(),
        Value::Definition(one) => format!("{} {}", one.kind.noun(), shown(&one.config)),
        Value::Process | Value::ProcessEnvironment | Value::BrokerPackage | Value::DefineFunction(_) => {
            "known".to_owned()
        }
        Value::Unknown => "?".to_owned(),
        value => value.to_text().unwrap_or_else(|| "number".to_owned()),
    }
}

#[test]
fn expressions() {
    for (code, value) in [
        ("(1 + 2) * 3 - -1", "10"),
        ("2 ** 3 % 5", "3"),
        ("1 << 4", "16"),
        ("7 / 2", "3.5"),
        ("1 / 0", "number"),
        ("-0 + ''", "'0'"),
        ("'a' + 1 + true + null + undefined", "'a1truenullundefined'"),
        ("`a${1}b${'c'}`", "'a1bc'"),
        ("'é𝒳'.length", "3"),
        ("1 > 2 ? 'a' : 'b'", "'b'"),
        ("null ?? 'a'", "'a'"),
        ("0 || 'a'", "'a'"),
        ("'' && 'a'", "''"),
        ("!'a'", "false"),
        ("1 === 1 && 'a' !== 'b' && null !== undefined", "true"),
        ("1 === ('1' as any)", "false"),
        ("[1, ...[2, 3]][2]", "3"),
        ("[, 1]", "?"),
        ("({ a: 1, ...{ a: 2, b: 3 }, 'c': 4, ['d' + 1]: 5 })", "{a: 2, b: 3, c: 4, d1: 5}"),
        ("({ ...undefined, ...null, ...false })", "{}"),
        ("({ get a() { return 1 } })", "{a: ?}"),
        ("({ __proto__: { a: 1 } })", "?"),
        ("({}).toString", "?"),
        ("({ a: 1 }).b", "undefined"),
        ("({ a: { b: 1 } })?.a?.b", "1"),
        ("({ a: 1 } as const satisfies object).a!", "1"),
        ("(1, 2)", "2"),
        ("({}) === ({})", "?"),
        ("new Date()", "?"),
        ("Math.random()", "?"),
        ("void 0", "undefined"),
    ] {
        assert_eq!(of(&format!("export const x = {code}")), value, "{code}");
    }
}

#[test]
fn built_in_functions() {
    for (code, value) in [
        ("Array.from({ length: 3 }, (_, i) => i * 2)", "[0, 2, 4]"),
        ("Array.from({ length: 5000 })", "?"),
        ("Array.from(['a', 'b'], (a) => a + a)", "['aa', 'bb']"),
        ("['a', 'b'].map((a, i) => a + i).join('-')", "'a0-b1'"),
        ("['b', 'a'].sort()", "?"),
        ("Object.keys({ a: 1, b: 2 })", "['a', 'b']"),
        ("Object.values({ a: 1, b: 2 })", "[1, 2]"),
        ("Object.entries({ a: 1 })", "[['a', 1]]"),
        ("Object.keys({ b: 1, 1: 2 })", "?"),
        ("Object.fromEntries([['a', 1]])", "{a: 1}"),
        ("Object.freeze({ a: 1 })", "{a: 1}"),
        ("String(1) + Number('2') + Boolean(0)", "'12false'"),
        ("Number('0x10')", "?"),
        ("' A '.trim().toLowerCase()", "'a'"),
        ("'a'.padEnd(3)", "?"),
    ] {
        assert_eq!(of(&format!("export const x = {code}")), value, "{code}");
    }
    assert_eq!(of("const Object = { keys: () => 1 }\nexport const x = Object.keys()"), "1");
}

#[test]
fn functions() {
    for (code, value) in [
        ("const f = (a: number, b = a + 1) => [a, b]; export const x = f(1)", "[1, 2]"),
        ("const a = 9; const f = (a, b = a) => b; const g = (a) => f(1); export const x = g(5)", "1"),
        (
            "const f = ({ a, b: { c = 3 } = {} as any, ...d }) => [a, c, d]; export const x = f({ a: 1, e: 2 })",
            "[1, 3, {e: 2}]",
        ),
        ("const f = ([a, , b], ...c) => [a, b, c]; export const x = f([1, 2, 3], 4, 5)", "[1, 3, [4, 5]]"),
        ("const f = (a) => (b) => (c) => a + b + c; export const x = f('1')('2')('3')", "'123'"),
        (
            "function f(a) { const b = a; { const b = 2 } if (b > 1) { return 'big' } else return 'small' } export const x = [f(1), f(2)]",
            "['small', 'big']",
        ),
        ("function f(): string; function f(a?) { return 'b' } export const x = f()", "'b'"),
        ("export const x = (() => 1)()", "1"),
        ("function f(a) { a = 2; return a } export const x = f(1)", "?"),
        ("const f = () => { log(); return 1 }; export const x = f()", "?"),
        ("const f = async () => 1; export const x = f()", "?"),
        ("function* f() { return 1 } export const x = f()", "?"),
        ("const f = (a) => a; export const x = f(...['b'])", "'b'"),
        ("const f = () => g(); const g = () => f(); export const x = f()", "?"),
        ("const x = y + 1; const y = x + 1; export { x }", "?"),
    ] {
        assert_eq!(of(code), value, "{code}");
    }
}

#[test]
fn what_changes_is_not_known() {
    for change in [
        "A.push(1)",
        "A[0] = 1",
        "A.length = 0",
        "delete A[0]",
        "Object.assign(A, [1])",
        "A[0]++",
        "[A[0]] = [1]",
        "({ b: A[0] } = { b: 1 })",
        "for (A[0] of [1]);",
        "(A as any).b.c = 1",
    ] {
        let constant = |name: &str| {
            let change = change.replace('A', name);
            of(&format!("const a: any = [0];\n{change}\nexport const x = a"))
        };
        assert_eq!(constant("a"), "?", "{change}");
        assert_eq!(constant("other"), "[0]", "{change}");
    }
    assert_eq!(of("let x = 1\nexport { x }"), "?");
    assert_eq!(of("export let x = 1"), "?");
}

#[test]
fn enums_and_namespaces() {
    let code = "enum A { B, C = 5, D, E = 'e', F = C * 2 }\nenum A { G = 1 }\nexport const x = [A.D, A.E, A.F, A.G, A[5], A.nothing]";
    assert_eq!(of(code), "[6, 'e', 10, 1, 'C', undefined]");
    let code = "namespace A { const b = 1; export const c = b + 1; export function d() { return c }\nexport namespace E { export const f = c } }\n\
        import G = A.E\nexport const x = [A.c, A.d(), G.f, (A as any).b]";
    assert_eq!(of(code), "[2, 2, 2, undefined]");
    assert_eq!(of("enum A { B }\nnamespace A { export const c = 1 }\nexport const x = A.B"), "?");
    assert_eq!(of("namespace A { export let b = 1 }\nexport const x = A.b"), "?");
}

#[test]
fn modules() {
    let files = |config: &str| {
        let a = "export const a = 1\nexport default 'd'\nexport * from './b'\nexport * as ns from './b'";
        let b = "import { x } from './config'\nexport const b = { c: 2 }\nexport const again = x";
        let json = "{ \"name\": \"json\", \"list\": [1, true, null] }";
        told(&[("config.ts", config), ("a.ts", a), ("b.ts", b), ("j.json", json)])
    };
    assert_eq!(files("import { a, b as c } from './a'\nexport const x = [a, c.c]"), "[1, 2]");
    assert_eq!(files("import d, { ns } from './a'\nexport const x = [d, ns.b.c]"), "['d', 2]");
    assert_eq!(files("import * as ns from './b'\nexport const x = ns.b"), "{c: 2}");
    assert_eq!(files("export { b as x } from './a'"), "{c: 2}");
    assert_eq!(files("import { again } from './b'\nexport const x = again"), "?");
    assert_eq!(
        files("import j, { name } from './j.json'\nexport const x = [name, j.list[1], j.list.length]"),
        "['json', true, 3]"
    );
    assert_eq!(files("import * as j from './j.json'\nexport const x = j.default.name"), "'json'");
    assert_eq!(files("import { gone } from './gone'\nexport const x = [gone]"), "[?]");
}

#[test]
fn the_environment() {
    for (code, value) in [
        ("process.env.A", "env A"),
        ("process.env['A' + 'B']!", "env AB"),
        ("(process.env as any).A", "env A"),
        ("process.env.A ?? 'b'", "?"),
        ("process.env.A === 'b' ? 1 : 2", "?"),
        ("`${process.env.A}`", "?"),
    ] {
        assert_eq!(of(&format!("export const x = {code}")), value, "{code}");
    }
    assert_eq!(of("export const { A: x } = process.env"), "env A");
    assert_eq!(of("export const { A: x = 'b' } = process.env"), "?");
    assert_eq!(of("const f = (a = 1) => a\nexport const x = f(process.env.A)"), "?");
    assert_eq!(of("import { env } from 'node:process'\nexport const x = env.A"), "env A");
    assert_eq!(of("import process from 'process'\nexport const x = process.env.A"), "env A");
    assert_eq!(of("const process = { env: { A: 1 } }\nexport const x = process.env.A"), "1");
}

#[test]
fn definitions() {
    let package = "'@dafaz/change-stream-broker'";
    for code in [
        "export const x = defineTopic({})".to_owned(),
        format!("import {{ defineTopic as t }} from {package}\nconst u = t\nexport const x = u({{}})"),
        format!("import * as p from {package}\nexport const x = p['defineTopic']({{}})"),
        format!("import p from {package}\nconst {{ defineTopic: t }} = p\nexport const x = t({{}})"),
        "const call = (f, a) => f(a)\nexport const x = call(defineTopic, {})".to_owned(),
    ] {
        assert_eq!(of(&code), "topic {}", "{code}");
    }
    assert_eq!(of("const defineTopic = (a) => a\nexport const x = defineTopic(1)"), "1");
    assert_eq!(of("const f = (defineTopic) => defineTopic(1)\nexport const x = f((a) => a)"), "1");
    assert_eq!(of("import { defineTopic } from 'elsewhere'\nexport const x = defineTopic({})"), "?");
    let spread =
        "const a = defineTopic({ name: 'a', partitions: 1 })\nexport const x = { ...a, partitions: 2 }";
    assert_eq!(of(spread), "{name: 'a', partitions: 2}");
}

/// What doubles with each line ends, and nothing is told of it.
#[test]
fn growth_has_an_end() {
    use std::fmt::Write;
    for (first, next) in [
        ("'ab'", "A + A"),
        ("['a']", "[...A, ...A]"),
        ("{ a: 1 }", "{ a: A, b: A }"),
        ("() => 'a'", "() => A() + A()"),
    ] {
        let mut code = format!("const x0 = {first}\n");
        for index in 0..200 {
            let _ = writeln!(code, "const x{} = {}", index + 1, next.replace('A', &format!("x{index}")));
        }
        code += "export const x = x200.length";
        assert!(matches!(of(&code).as_str(), "?" | "undefined"), "{first}");
    }
}
