//! Keeps `change-stream/` out of the build. Beside `src/` it would move the output from `dist/` to `dist/src/`.

use std::path::Path;

use jsonc_parser::cst::{CstInputValue, CstRootNode};

use super::file_edit::FileEdit;
use super::package_scripts::split_byte_order_mark;
use super::tsconfig_chain::{ReadText, TsconfigPart, extended_parts, parse, part};
use crate::source::module_path::CHANGE_STREAM;

const WHY: &str = "so that dist/main stays where it is";

/// What is to be done about `tsconfig.build.json`, which is `file` and has this text.
pub(crate) fn exclude_change_stream(file: &Path, text: &str, read: ReadText<'_>) -> FileEdit {
    let root = match parse(text) {
        Ok(root) => root,
        Err(error) => return FileEdit::Broken(format!("cannot be parsed: {error}")),
    };
    let Some(config) = root.object_value() else {
        return FileEdit::Broken("holds no object".to_owned());
    };
    if config.get("exclude").is_some_and(|exclude| exclude.array_value().is_none()) {
        return FileEdit::Broken("has an `exclude` that is no list".to_owned());
    }
    let own = part(file, &root);
    if is_settled(&own) {
        return FileEdit::NotNeeded;
    }
    let extended = match extended_parts(file, &root, read) {
        Ok(extended) => extended,
        Err(name) => return advised(&format!("what it extends cannot be read: {name}")),
    };
    if extended.iter().any(|part| part.has_include || part.has_root_dir) {
        return FileEdit::NotNeeded;
    }
    match new_exclude(&own, &extended) {
        Exclude::Enough => FileEdit::NotNeeded,
        Exclude::Elsewhere => advised("it takes `exclude` from another folder"),
        Exclude::With(missing) => proposed(text, &root, &missing),
    }
}

/// What `exclude` needs.
enum Exclude {
    /// Nothing.
    Enough,
    /// These at its end.
    With(Vec<String>),
    /// It is inherited, with paths that are relative to another folder.
    Elsewhere,
}

/// The file tells by itself what belongs to the build.
fn is_settled(own: &TsconfigPart) -> bool {
    own.has_include || own.has_root_dir || own.exclude.as_deref().is_some_and(has_change_stream)
}

fn new_exclude(own: &TsconfigPart, extended: &[TsconfigPart]) -> Exclude {
    let ours = CHANGE_STREAM.to_owned();
    if own.exclude.is_some() {
        return Exclude::With(vec![ours]);
    }
    // An `exclude` replaces what it would inherit, so that must be in it.
    let inherited = extended.iter().find_map(|part| Some((part, part.exclude.as_ref()?)));
    match inherited {
        Some((_, exclude)) if has_change_stream(exclude) => Exclude::Enough,
        Some((part, _)) if part.folder != own.folder => Exclude::Elsewhere,
        Some((_, exclude)) => Exclude::With(exclude.iter().cloned().chain([ours]).collect()),
        // As well as what TypeScript excludes by itself only while there is no `exclude`.
        None => {
            let out_dir = std::iter::once(own).chain(extended).find_map(|part| part.out_dir.clone());
            Exclude::With(
                [Some("node_modules".to_owned()), out_dir, Some(ours)].into_iter().flatten().collect(),
            )
        }
    }
}

fn has_change_stream(exclude: &[String]) -> bool {
    let is_it = |entry: &String| {
        let entry = entry.trim_start_matches("./").trim_end_matches("/*").trim_end_matches("/**");
        matches!(entry.trim_end_matches('/'), "change-stream" | "**/change-stream")
    };
    exclude.iter().any(is_it)
}

fn proposed(text: &str, root: &CstRootNode, missing: &[String]) -> FileEdit {
    let exclude = root.object_value().and_then(|config| config.array_value_or_create("exclude"));
    let Some(exclude) = exclude else {
        return FileEdit::Broken("has an `exclude` that is no list".to_owned());
    };
    for entry in missing {
        exclude.append(CstInputValue::from(entry.as_str()));
    }
    let (mark, _) = split_byte_order_mark(text);
    FileEdit::Proposed {
        text: format!("{mark}{root}"),
        question: format!("exclude \"{CHANGE_STREAM}\", {WHY}"),
        done: format!("\"{CHANGE_STREAM}\" excluded, {WHY}"),
    }
}

fn advised(reason: &str) -> FileEdit {
    FileEdit::Advised(format!("exclude \"{CHANGE_STREAM}\" from the build, {WHY} ({reason})"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(build: &str, base: Option<&str>) -> FileEdit {
        let read = |path: &Path| (path == Path::new("/p/tsconfig.json")).then(|| base.map(str::to_owned))?;
        exclude_change_stream(Path::new("/p/tsconfig.build.json"), build, &read)
    }

    fn edited(build: &str, base: Option<&str>) -> String {
        match edit(build, base) {
            FileEdit::Proposed { text, .. } => text,
            other => panic!("{other:?}"),
        }
    }

    const BASE: Option<&str> = Some(r#"{"compilerOptions": {"outDir": "./dist", "strict": true}}"#);

    #[test]
    fn the_file_of_a_new_nest_project() {
        let build = "{\n  \"extends\": \"./tsconfig.json\",\n  // tests\n  \"exclude\": [\"node_modules\", \"test\", \"dist\", \"**/*spec.ts\"]\n}\n";
        let expected = build.replace("\"**/*spec.ts\"]", "\"**/*spec.ts\", \"change-stream\"]");
        assert_eq!(edited(build, BASE), expected);
        assert_eq!(edit(&expected, BASE), FileEdit::NotNeeded);
    }

    #[test]
    fn an_exclude_that_is_new_has_what_was_excluded_before() {
        let build = r#"{"extends": "./tsconfig.json"}"#;
        assert!(
            edited(build, BASE).contains(r#"["node_modules", "./dist", "change-stream"]"#),
            "{}",
            edited(build, BASE)
        );
        assert!(edited(build, Some(r#"{"exclude": ["test"]}"#)).contains(r#"["test", "change-stream"]"#));
        assert_eq!(edit(build, Some(r#"{"exclude": ["./change-stream/**"]}"#)), FileEdit::NotNeeded);
    }

    #[test]
    fn who_names_the_sources_needs_nothing() {
        for build in [
            r#"{"include": ["src"]}"#,
            r#"{"files": ["src/main.ts"]}"#,
            r#"{"compilerOptions": {"rootDir": "src"}}"#,
            r#"{"exclude": ["./change-stream"]}"#,
        ] {
            assert_eq!(edit(build, None), FileEdit::NotNeeded, "{build}");
        }
        let build = r#"{"extends": "./tsconfig.json"}"#;
        assert_eq!(edit(build, Some(r#"{"include": ["src"]}"#)), FileEdit::NotNeeded);
        assert!(matches!(edit(build, None), FileEdit::Advised(_)));
    }

    #[test]
    fn a_broken_file_is_left_alone() {
        for build in ["", "{", "[]", r#"{"exclude": "test"}"#] {
            assert!(matches!(edit(build, None), FileEdit::Broken(_)), "{build}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in r#"([{}\[\]":,/*a ]|"exclude"|"extends"|\{\}|\[\]){0,20}"#) {
            if let FileEdit::Proposed { text: new, .. } = edit(&text, BASE) {
                prop_assert_eq!(edit(&new, BASE), FileEdit::NotNeeded, "{}", new);
            }
        }
    }
}
