//! Copies of source files in a folder, each under its path as seen from `change-stream/`.

use std::io;
use std::path::Path;

use crate::project::folder_files;
use crate::source::module_path::ModulePath;
use crate::source::source_files::SourceFiles;

/// Reads all copies. What is no source file, such as what file managers leave behind, is passed over.
pub(super) fn read(folder: &Path) -> io::Result<SourceFiles> {
    let mut sources = SourceFiles::new();
    for file in folder_files::list(folder)?.files {
        let Some(path) = ModulePath::parse(&file).filter(has_extension) else { continue };
        sources.insert(path, text_of(&folder.join(&file))?);
    }
    Ok(sources)
}

/// Writes them into a new folder.
pub(super) fn write(folder: &Path, sources: &SourceFiles) -> io::Result<()> {
    folder_files::write(folder, sources.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}

fn has_extension(path: &ModulePath) -> bool {
    path.stem() != path.as_str()
}

fn text_of(file: &Path) -> io::Result<String> {
    String::from_utf8(folder_files::read(file)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{} is no text", file.display())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let sources: SourceFiles = ["config.ts", "_up/src/days.ts", "a/b.json"]
            .into_iter()
            .map(|path| (ModulePath::parse(path).unwrap(), format!("// {path}\r\n")))
            .collect();
        write(folder.path(), &sources).unwrap();
        fs::write(folder.path().join(".DS_Store"), [0xff]).unwrap();
        fs::write(folder.path().join("a/.b.json.swp"), [0xff]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), sources);
        fs::write(folder.path().join("config.ts"), [0xff]).unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().ends_with("config.ts is no text"));
    }
}
