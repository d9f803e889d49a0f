//! `docs/errors.md`.

use super::enum_docs::EnumDocs;
use super::markdown::Markdown;
use crate::error_code::{Effect, ErrorCode, ErrorKind};

const SOURCE: &str = include_str!("../error_code.rs");
const INTRODUCTION: &str = "Every failure is a `ChangeStreamBrokerError`. Compare `code` or `kind`: they are stable and \
    are never given another meaning. Messages are for people and may change.";
const PROPERTIES: &[(&str, &str)] = &[
    ("code", "What failed: one of the codes below."),
    ("kind", "What to do about it: see [Kinds](#kinds)."),
    ("retryable", "Whether the same call may succeed later, without anybody changing anything."),
    ("effect", "What the failed call may have left behind: see [Effects](#effects)."),
    ("status", "Of a failed `send`: `notWritten` if nothing of it is stored, `unknown` if something may be."),
    (
        "statuses",
        "Of a failed `send`: `written`, `notWritten` or `unknown` for each of its messages, in their order. Absent if \
         none of them was tried.",
    ),
    ("topic, partition, groupId", "Where it happened, as far as that is known."),
    (
        "cause",
        "What caused it, if that is known: what the handler threw, or an `Error` with the text of what server and driver \
         said.",
    ),
];
const EFFECTS: &str = "A code has the effect that is said here unless a single error knows better: `error.effect` \
    decides. After `possible` a call may be repeated if doing it twice does no harm; a `send` does none if its messages \
    have the `messageId` that they had.";

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// In the order in which codes use them.
fn kinds() -> Vec<ErrorKind> {
    let mut kinds: Vec<_> = Vec::new();
    for kind in ErrorCode::ALL.iter().map(|code| code.kind()) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn write_overview(document: &mut Markdown) {
    document.heading(2, "Properties");
    let mut rows = vec![row(["property", "meaning"])];
    for (names, meaning) in PROPERTIES {
        let names: Vec<_> = names.split(", ").map(code).collect();
        rows.push(vec![names.join(", "), (*meaning).to_owned()]);
    }
    document.table(&rows);

    document.heading(2, "Kinds");
    let mut rows = vec![row(["kind", "what to do"])];
    let docs = EnumDocs::read(SOURCE, "ErrorKind");
    rows.extend(kinds().iter().map(|kind| row([&code(kind.as_str()), docs.meaning(kind)])));
    document.table(&rows);

    document.heading(2, "Effects");
    let mut rows = vec![row(["effect", "meaning"])];
    let docs = EnumDocs::read(SOURCE, "Effect");
    let effects = [Effect::None, Effect::Possible];
    rows.extend(effects.iter().map(|effect| row([&code(effect.as_str()), docs.meaning(effect)])));
    document.table(&rows);
    document.paragraphs(EFFECTS);
}

fn write_codes(document: &mut Markdown) {
    document.heading(2, "Codes");
    let mut rows = vec![row(["code", "kind", "retryable", "effect"])];
    for code in ErrorCode::ALL {
        let link = format!("[`{code}`](#{})", code.as_str().to_lowercase());
        let link = if code.is_retired() { link + ", retired" } else { link };
        let [kind, effect] = [code.kind().as_str(), code.default_effect().as_str()];
        rows.push(vec![
            link,
            self::code(kind),
            yes_or_no(code.is_retryable()).to_owned(),
            self::code(effect),
        ]);
    }
    document.table(&rows);
    for code in ErrorCode::ALL {
        document.heading(3, code.as_str());
        let retired = if code.is_retired() { "Retired: not raised any more. " } else { "" };
        let retryable = if code.is_retryable() { "retryable" } else { "not retryable" };
        let [kind, effect] = [code.kind().as_str(), code.default_effect().as_str()];
        document.paragraphs(&format!("{retired}Kind `{kind}`, {retryable}, effect `{effect}`."));
        document.paragraphs(code.description());
        document.paragraphs(&format!("**What to do.** {}", code.advice()));
    }
}

#[test]
fn export_reference_errors() {
    let mut document = Markdown::generated_from("crates/core/src/error_code.rs");
    document.heading(1, "Errors");
    document.paragraphs(INTRODUCTION);
    write_overview(&mut document);
    write_codes(&mut document);
    document.write("errors.md");
}

#[test]
fn every_code_is_described() {
    for code in ErrorCode::ALL {
        assert!(code.description().ends_with('.') && code.advice().ends_with('.'), "{code}");
    }
}
