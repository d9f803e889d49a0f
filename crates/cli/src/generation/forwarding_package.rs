//! A small package in a project's own `node_modules` that re-exports an installed one, which several projects share,
//! but has this project's client.
//!
//! Everything is derived from the `exports` of the installed package, but for the files of its client, which are
//! copied: they lead to the client that is beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::forwarded_file::{forwarding_program, forwarding_text};
use super::package_manifest::PackageManifest;
use crate::project::broker_package;
use crate::project::named_error::cannot;
use crate::project::{folder_files, portable_path, whole_folder};

const MANIFEST: &str = "package.json";
const CLIENT: &str = "client/";

/// A forwarding package, all of it.
#[derive(Debug)]
pub(super) struct ForwardingPackage {
    folder: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    programs: BTreeSet<String>,
}

impl ForwardingPackage {
    /// What it has to be: `folder` is where it belongs, `installed` the real package.
    pub(super) fn new(folder: &Path, installed: &Path) -> io::Result<Self> {
        let folder = real_place(folder);
        let target = portable_path::relative(&folder, installed).ok_or_else(|| {
            let message =
                format!("there is no relative path from {} to {}", folder.display(), installed.display());
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        let manifest = PackageManifest::read(installed)?;
        let programs = manifest.programs();
        let mut files = BTreeMap::new();
        for file in existing_files(installed, manifest.entry_files())? {
            files.insert(file.clone(), contents(installed, &file, &target, manifest.is_module())?);
        }
        for file in &programs {
            let program = forwarding_program(&target_from(file, &target), manifest.is_module());
            files.insert(file.clone(), program.into_bytes());
        }
        files.insert(MANIFEST.to_owned(), manifest.forwarding(&target)?.into_bytes());
        Ok(Self { folder, files, programs })
    }

    /// Whether it is there already.
    pub(super) fn is_current(&self) -> io::Result<bool> {
        folder_files::has_exactly(&self.folder, self.bytes())
    }

    /// Writes it, in the place of a link to the installed package, of one that was written before, or of nothing.
    pub(super) fn write(&self) -> io::Result<()> {
        self.refuse_real_package()?;
        whole_folder::replace(&self.folder, |folder| {
            folder_files::write(folder, self.bytes())?;
            self.programs.iter().try_for_each(|program| make_executable(&folder.join(program)))
        })
    }

    /// Clears away what a killed run left.
    pub(super) fn finish_killed_runs(&self) -> io::Result<()> {
        whole_folder::finish_killed_runs(&self.folder)
    }

    fn bytes(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    fn refuse_real_package(&self) -> io::Result<()> {
        let is_folder = fs::symlink_metadata(&self.folder).is_ok_and(|metadata| metadata.is_dir());
        let is_package = is_folder && self.folder.join(MANIFEST).exists();
        if !is_package || broker_package::forwards_to(&self.folder).is_some() {
            return Ok(());
        }
        let message = format!("{} is an installed package and is not replaced", self.folder.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    }
}

/// Its own name stays, even if there is a link of that name: the link is to be replaced.
fn real_place(folder: &Path) -> PathBuf {
    let existing = folder.ancestors().skip(1).find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    match existing.and_then(|(above, real)| Some(real.join(folder.strip_prefix(above).ok()?))) {
        Some(place) => place,
        None => folder.to_path_buf(),
    }
}

/// The files behind the names of the exports, and all of the client's; the package.json is written anew.
fn existing_files(installed: &Path, names: BTreeSet<String>) -> io::Result<BTreeSet<String>> {
    let mut files = files_below(installed, CLIENT)?;
    for name in names {
        match name.split_once('*') {
            Some((beginning, end)) => {
                let folder = beginning.rfind('/').map_or("", |slash| &beginning[..=slash]);
                let is_meant = |file: &String| {
                    let rest = file.strip_prefix(beginning).and_then(|rest| rest.strip_suffix(end));
                    rest.is_some_and(|rest| !rest.is_empty())
                };
                files.extend(files_below(installed, folder)?.into_iter().filter(is_meant));
            }
            None if name != MANIFEST && installed.join(&name).is_file() => {
                files.insert(name);
            }
            None => {}
        }
    }
    Ok(files)
}

fn files_below(installed: &Path, folder: &str) -> io::Result<BTreeSet<String>> {
    let path = installed.join(folder);
    let files = if path.is_dir() { folder_files::list(&path)?.files } else { Vec::new() };
    Ok(files.into_iter().map(|file| format!("{folder}{file}")).collect())
}

fn contents(installed: &Path, file: &str, target: &str, is_module: bool) -> io::Result<Vec<u8>> {
    let real = folder_files::read(&installed.join(file))?;
    if file.starts_with(CLIENT) {
        return Ok(real);
    }
    let forwarding = forwarding_text(&target_from(file, target), &String::from_utf8_lossy(&real), is_module);
    Ok(forwarding.map_or(real, String::into_bytes))
}

/// The real file, from where the forwarding one is: `target` leads from package to package.
fn target_from(file: &str, target: &str) -> String {
    format!("{}{target}/{file}", "../".repeat(file.matches('/').count()))
}

#[cfg(unix)]
fn make_executable(program: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).map_err(cannot("write", program))
}

#[cfg(not(unix))]
fn make_executable(program: &Path) -> io::Result<()> {
    fs::metadata(program).map(drop).map_err(cannot("write", program))
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
