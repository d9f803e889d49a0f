//! Sources as they never should be: cut off, mixed up, random. Whatever they are, there is an answer, and a client that
//! is made of them can be parsed.

use std::fs;
use std::path::Path;

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// The golden sources are cut off at every so-and-so-many bytes.
const CUT_EVERY: usize = 397;
const FRAGMENTS: [&str; 40] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "`",
    "'",
    "\"",
    "${",
    "/*",
    "//",
    "\n",
    "\r\n",
    "\\",
    "\u{feff}",
    "é",
    "𝒳",
    "=> ",
    "?.",
    "...",
    "export ",
    "export default ",
    "export * from './config'\n",
    "import a from './config'\n",
    "import type { b } from './message-payload.schema'\n",
    "const ",
    "type T = ",
    "enum E { A = ",
    "namespace N {",
    "class ",
    "interface I extends ",
    "defineProducer(",
    "as const",
    "satisfies ",
    "await ",
    "@decorated ",
    "static { ",
];

/// The golden folders' sources.
fn golden() -> Vec<SourceFiles> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/cli/golden");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    cases.iter().map(|case| sources_below(case)).collect()
}

fn sources_below(case: &Path) -> SourceFiles {
    let mut sources = SourceFiles::new();
    let mut queue = vec![case.to_path_buf()];
    while let Some(folder) = queue.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                queue.extend((!path.ends_with("expected")).then_some(path));
            } else if let Some(module) = module_path(case, &path) {
                sources.insert(module, fs::read_to_string(path).unwrap());
            }
        }
    }
    sources
}

fn module_path(case: &Path, file: &Path) -> Option<ModulePath> {
    let below = file.strip_prefix(case).unwrap().to_str().unwrap().replace('\\', "/");
    match below.strip_prefix("change-stream/") {
        Some(below) => ModulePath::config().join(&format!("./{below}")),
        None => ModulePath::config().join(&format!("../{below}")),
    }
}

/// Compiles, and looks at the client if there is one.
fn expect_an_answer(sources: &SourceFiles) {
    match compile(sources, None) {
        Ok(compilation) => compilation.client.iter().for_each(|(path, text)| expect_to_parse(path, text)),
        Err(CompileError::Invalid(problems)) => {
            assert!(problems.iter().any(Diagnostic::is_error));
            for problem in &problems {
                assert!(!problem.frame(false, false).is_empty() && problem.data().line > 0);
            }
        }
        Err(error) => panic!("{error}\n{sources:#?}"),
    }
}

fn expect_to_parse(path: &str, text: &str) {
    let source_type = match path.rsplit_once('.') {
        Some((_, "ts" | "mts")) => SourceType::d_ts(),
        Some((_, "mjs")) => SourceType::mjs(),
        Some((_, "js")) => SourceType::cjs(),
        _ => return,
    };
    let arena = Allocator::default();
    let parsed = Parser::new(&arena, text, source_type).parse();
    assert!(parsed.diagnostics.into_vec().is_empty(), "{path}:\n{text}");
}

fn char_boundary(text: &str, near: usize) -> usize {
    (near.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[test]
fn golden_sources_have_an_answer() {
    let cases = golden();
    assert!(cases.len() > 30, "{}", cases.len());
    cases.iter().for_each(expect_an_answer);
}

#[test]
fn sources_may_end_anywhere() {
    for case in golden() {
        for path in case.keys() {
            for cut in (0..case[path].len()).step_by(CUT_EVERY) {
                let mut cut_off = case.clone();
                let text = &case[path];
                cut_off.insert(path.clone(), text[..char_boundary(text, cut)].to_owned());
                expect_an_answer(&cut_off);
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize, Index),
    /// A part of one file into another one.
    Move(Index, usize, Index, Index),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        3 => (index(), select(FRAGMENTS.as_slice())).prop_map(|(at, text)| Change::Insert(at, text)),
        2 => (index(), 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (index(), 1..80_usize, index()).prop_map(|(from, length, to)| Change::Repeat(from, length, to)),
        1 => (index(), 1..200_usize, index(), index()).prop_map(|(from, length, file, to)| {
            Change::Move(from, length, file, to)
        }),
        1 => index().prop_map(Change::Cut),
    ]
}

fn apply(sources: &mut SourceFiles, file: Index, change: &Change) {
    let paths: Vec<_> = sources.keys().cloned().collect();
    let path = file.get(&paths);
    let text = sources[path].clone();
    let at = |text: &str, index: &Index| char_boundary(text, index.index(text.len() + 1));
    let part = |from: &Index, length: usize| {
        let from = at(&text, from);
        text[from..char_boundary(&text, from + length)].to_owned()
    };
    let inserted =
        |text: &str, place: usize, more: &str| format!("{}{more}{}", &text[..place], &text[place..]);
    match change {
        Change::Insert(place, more) => sources.insert(path.clone(), inserted(&text, at(&text, place), more)),
        Change::Remove(from, length) => {
            let from = at(&text, from);
            let to = char_boundary(&text, from + length);
            sources.insert(path.clone(), format!("{}{}", &text[..from], &text[to..]))
        }
        Change::Repeat(from, length, to) => {
            sources.insert(path.clone(), inserted(&text, at(&text, to), &part(from, *length)))
        }
        Change::Move(from, length, file, to) => {
            let other = file.get(&paths);
            let target = sources[other].clone();
            sources.insert(other.clone(), inserted(&target, at(&target, to), &part(from, *length)))
        }
        Change::Cut(place) => sources.insert(path.clone(), text[..at(&text, place)].to_owned()),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn sources_may_be_mixed_up(
        case in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), change()), 1..6),
    ) {
        let cases = golden();
        let mut sources = case.get(&cases).clone();
        for (file, change) in &changes {
            apply(&mut sources, *file, change);
        }
        expect_an_answer(&sources);
    }

    #[test]
    fn sources_may_be_anything(config in "\\PC{0,300}", schema in "\\PC{0,100}", json in "\\PC{0,50}") {
        let config = format!("import a from './a.json'\nexport const b = [a]\n{config}");
        let files = [("config.ts", config), ("message-payload.schema.ts", schema), ("a.json", json)];
        let sources = files.map(|(path, text)| (ModulePath::parse(path).unwrap(), text));
        expect_an_answer(&sources.into_iter().collect());
    }

    #[test]
    fn sources_may_be_made_of_pieces(pieces in prop::collection::vec(select(FRAGMENTS.as_slice()), 0..60)) {
        let sources: SourceFiles = [(ModulePath::config(), pieces.concat())].into_iter().collect();
        expect_an_answer(&sources);
    }
}
