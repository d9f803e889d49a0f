//! Which file a relative import means, by the rules of TypeScript and Node together.

use std::io;

use super::module_path::ModulePath;
use super::source_files::ReadSources;

/// Behind a specifier without an extension, in the order in which TypeScript looks.
const SUFFIXES: [&str; 13] = [
    ".ts",
    ".mts",
    ".cts",
    ".d.ts",
    ".js",
    ".mjs",
    ".cjs",
    ".json",
    "/index.ts",
    "/index.mts",
    "/index.d.ts",
    "/index.js",
    "/index.mjs",
];

/// Whether a specifier names a file by its place, not a package.
pub(crate) fn is_relative(specifier: &str) -> bool {
    matches!(specifier, "." | "..") || specifier.starts_with("./") || specifier.starts_with("../")
}

/// The file that `importer` means by a relative specifier, and its text. `None` if there is none.
pub(crate) fn resolve(
    reader: &dyn ReadSources,
    importer: &ModulePath,
    specifier: &str,
) -> io::Result<Option<(ModulePath, String)>> {
    for candidate in candidates(importer, specifier) {
        if let Some(text) = reader.read(&candidate)? {
            return Ok(Some((candidate, text)));
        }
    }
    Ok(None)
}

fn candidates(importer: &ModulePath, specifier: &str) -> Vec<ModulePath> {
    let mut candidates = Vec::new();
    // What is imported by its later name is written in TypeScript now.
    for (extension, instead) in [(".js", ".ts"), (".mjs", ".mts"), (".cjs", ".cts")] {
        let stem = specifier.strip_suffix(extension);
        candidates.extend(stem.and_then(|stem| importer.join(&format!("{stem}{instead}"))));
        candidates.extend(stem.and_then(|stem| importer.join(&format!("{stem}.d{instead}"))));
    }
    if let Some(exact) = importer.join(specifier) {
        candidates.extend(SUFFIXES.map(|suffix| exact.with_suffix(suffix)));
        candidates.push(exact);
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::source_files::SourceFiles;

    fn resolved(files: &[&str], specifier: &str) -> Option<String> {
        let files: SourceFiles =
            files.iter().map(|file| (ModulePath::parse(file).unwrap(), String::new())).collect();
        let found = resolve(&files, &ModulePath::config(), specifier).unwrap();
        found.map(|(path, _)| path.as_str().to_owned())
    }

    #[test]
    fn a_specifier_means_what_it_means_to_typescript() {
        assert_eq!(resolved(&["names.ts", "names.js"], "./names").unwrap(), "names.ts");
        assert_eq!(resolved(&["names.ts"], "./names.js").unwrap(), "names.ts");
        assert_eq!(resolved(&["names.js"], "./names.js").unwrap(), "names.js");
        assert_eq!(resolved(&["a.mts"], "./a.mjs").unwrap(), "a.mts");
        assert_eq!(resolved(&["a/index.ts"], "./a").unwrap(), "a/index.ts");
        assert_eq!(resolved(&["_up/src/a.json"], "../src/a.json").unwrap(), "_up/src/a.json");
        assert_eq!(resolved(&["types.d.ts"], "./types").unwrap(), "types.d.ts");
        assert_eq!(resolved(&["a.ts"], "./b"), None);
    }
}
