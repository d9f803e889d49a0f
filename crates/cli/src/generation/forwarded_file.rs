//! One file of a forwarding package: as little as makes Node and TypeScript see the real one.

use std::borrow::Cow;

use serde_json::Value;

/// Which kind of file it is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    CommonJs,
    Module,
    /// With the extension of what it describes.
    Types(&'static str, &'static str),
    Other,
}

/// The text that stands for the real file at `target`, a relative path. `None` if such a file can only be copied.
///
/// Default exports are not forwarded: the package has none.
pub(super) fn forwarding_text(target: &str, real_text: &str, is_module: bool) -> Option<String> {
    match kind_of(target, is_module) {
        // In this form, because Node finds the names for `import { … }` by reading it.
        FileKind::CommonJs => Some(format!("'use strict'\n\nmodule.exports = require({})\n", quoted(target))),
        FileKind::Module => Some(format!("export * from {}\n", quoted(&as_url(target)))),
        // Exports would carry no globals, and a script has no exports.
        FileKind::Types(..) if real_text.contains("declare global") => {
            Some(format!("/// <reference path={} />\n", quoted(target)))
        }
        FileKind::Types(extension, described) => {
            let module = target.strip_suffix(extension).unwrap_or(target);
            Some(format!("export * from {}\n", quoted(&format!("{module}{described}"))))
        }
        FileKind::Other => None,
    }
}

/// A program that runs the one at `target`.
pub(super) fn forwarding_program(target: &str, is_module: bool) -> String {
    let run = match kind_of(target, is_module) {
        FileKind::Module => format!("import {}\n", quoted(&as_url(target))),
        _ => format!("'use strict'\n\nrequire({})\n", quoted(target)),
    };
    format!("#!/usr/bin/env node\n{run}")
}

fn kind_of(file: &str, is_module: bool) -> FileKind {
    let types = [(".d.ts", ".js"), (".d.mts", ".mjs"), (".d.cts", ".cjs")];
    if let Some((extension, described)) = types.into_iter().find(|(extension, _)| file.ends_with(extension)) {
        return FileKind::Types(extension, described);
    }
    match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("mjs") => FileKind::Module,
        Some("js") if is_module => FileKind::Module,
        Some("js" | "cjs") => FileKind::CommonJs,
        _ => FileKind::Other,
    }
}

/// As JavaScript and TypeScript write texts.
fn quoted(text: &str) -> Value {
    Value::from(text)
}

/// `import` takes URLs, in which some characters mean something.
fn as_url(path: &str) -> Cow<'_, str> {
    if !path.contains(['%', '#', '?']) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(path.replace('%', "%25").replace('#', "%23").replace('?', "%3F"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_forwarded_in_its_own_way() {
        let forward = |target, text| forwarding_text(target, text, false);
        let common_js = "'use strict'\n\nmodule.exports = require(\"../a.js\")\n";
        assert_eq!(forward("../a.js", "").as_deref(), Some(common_js));
        assert_eq!(forward("../a.mjs", "").as_deref(), Some("export * from \"../a.mjs\"\n"));
        assert_eq!(forward("../b#1/a.mjs", "").as_deref(), Some("export * from \"../b%231/a.mjs\"\n"));
        assert_eq!(forward("../a.d.ts", "").as_deref(), Some("export * from \"../a.js\"\n"));
        assert_eq!(forward("../a.d.mts", "").as_deref(), Some("export * from \"../a.mjs\"\n"));
        let reference = "/// <reference path=\"../a.d.ts\" />\n";
        assert_eq!(forward("../a.d.ts", "declare global {}").as_deref(), Some(reference));
        assert_eq!(forward("../a.json", ""), None);
        assert_eq!(forwarding_text("../a.js", "", true).as_deref(), Some("export * from \"../a.js\"\n"));
    }

    #[test]
    fn programs_are_run() {
        let program = "#!/usr/bin/env node\n'use strict'\n\nrequire(\"../a.js\")\n";
        assert_eq!(forwarding_program("../a.js", false), program);
        assert_eq!(forwarding_program("../a.js", true), "#!/usr/bin/env node\nimport \"../a.js\"\n");
    }
}
