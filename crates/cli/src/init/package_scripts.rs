//! Makes the scripts of package.json generate the client after an install and before a build.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};

use super::file_edit::FileEdit;

const SCRIPTS: [&str; 2] = ["postinstall", "prebuild"];
const GENERATE: &str = "csbroker generate";
const COMMAND: &str = "csbroker generate --if-present";

/// What is to be done about package.json.
pub(crate) fn add_scripts(text: &str) -> FileEdit {
    let (mark, json) = split_byte_order_mark(text);
    if let Err(error) = serde_json::from_str::<serde_json::Value>(json) {
        return FileEdit::Broken(format!("is not valid JSON: {error}"));
    }
    let root = match CstRootNode::parse(json, &ParseOptions::default()) {
        Ok(root) => root,
        Err(error) => return FileEdit::Broken(format!("is not valid JSON: {error}")),
    };
    let Some(package) = root.object_value() else {
        return FileEdit::Broken("holds no object".to_owned());
    };
    let Some(scripts) = package.object_value_or_create("scripts") else {
        return FileEdit::Broken("has `scripts` that are no object".to_owned());
    };
    let mut added = Vec::new();
    for name in SCRIPTS {
        match add_to(&scripts, name) {
            Ok(true) => added.push(name),
            Ok(false) => {}
            Err(reason) => return FileEdit::Broken(reason),
        }
    }
    if added.is_empty() {
        return FileEdit::NotNeeded;
    }
    let what = format!("scripts {}: {COMMAND}", added.join(", "));
    FileEdit::Proposed { text: format!("{mark}{root}"), question: format!("add to {what}"), done: what }
}

/// Whether the script had to be changed.
fn add_to(scripts: &CstObject, name: &str) -> Result<bool, String> {
    let Some(script) = scripts.get(name) else {
        scripts.append(name, CstInputValue::from(COMMAND));
        return Ok(true);
    };
    let command = script.value().and_then(|value| value.as_string_lit()?.decoded_value().ok());
    let Some(command) = command else {
        return Err(format!("has a script `{name}` that is no text"));
    };
    if command.contains(GENERATE) {
        return Ok(false);
    }
    let with_ours =
        if command.trim().is_empty() { COMMAND.to_owned() } else { format!("{command} && {COMMAND}") };
    script.set_value(CstInputValue::from(with_ours));
    Ok(true)
}

/// npm reads files that begin with one; parsers do not.
pub(super) fn split_byte_order_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(text: &str) -> (String, String) {
        match add_scripts(text) {
            FileEdit::Proposed { text, done, .. } => (text, done),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn order_and_indentation_stay() {
        let old = "{\n    \"name\": \"a\",\n    \"scripts\": {\n        \"build\": \"nest build\",\n        \
                   \"postinstall\": \"husky \\\"x\\\"\"\n    },\n    \"version\": \"1.0.0\"\n}\n";
        let new = "{\n    \"name\": \"a\",\n    \"scripts\": {\n        \"build\": \"nest build\",\n        \
                   \"postinstall\": \"husky \\\"x\\\" && csbroker generate --if-present\",\n        \
                   \"prebuild\": \"csbroker generate --if-present\"\n    },\n    \"version\": \"1.0.0\"\n}\n";
        let (text, done) = edited(old);
        assert_eq!(text, new);
        assert_eq!(done, "scripts postinstall, prebuild: csbroker generate --if-present");
        assert_eq!(add_scripts(new), FileEdit::NotNeeded);
    }

    #[test]
    fn scripts_are_made_where_there_are_none() {
        assert_eq!(
            edited("{\n\t\"name\": \"a\"\n}").0,
            "{\n\t\"name\": \"a\",\n\t\"scripts\": {\n\t\t\"postinstall\": \"csbroker generate --if-present\",\n\t\t\
             \"prebuild\": \"csbroker generate --if-present\"\n\t}\n}"
        );
        assert!(edited("\u{feff}{}").0.starts_with("\u{feff}{"));
    }

    #[test]
    fn a_broken_file_is_left_alone() {
        for text in
            ["", "{", "[]", "null", "{\"scripts\": 1}", "{\"scripts\": {\"prebuild\": 1}}", "{} // note"]
        {
            assert!(matches!(add_scripts(text), FileEdit::Broken(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_json_and_keeps_the_rest(text in r#"[{}\[\]":,a\\ \n0-9]{0,40}|\{"scripts": ?\{"[a-z]{0,3}": ?"[^"\\]{0,9}"\}\}"#) {
            if let FileEdit::Proposed { text: new, .. } = add_scripts(&text) {
                let old: serde_json::Value = serde_json::from_str(&text).unwrap();
                let mut new: serde_json::Value = serde_json::from_str(&new).unwrap();
                for name in SCRIPTS {
                    let script = new["scripts"].as_object_mut().unwrap().remove(name).unwrap();
                    prop_assert!(script.as_str().unwrap().ends_with(COMMAND));
                }
                if old.get("scripts").is_none() {
                    new.as_object_mut().unwrap().remove("scripts");
                }
                prop_assert_eq!(old, new);
            }
        }
    }
}
