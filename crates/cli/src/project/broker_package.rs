//! Finds the package of the broker as Node finds it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::portable_path;

/// Where packages are installed.
pub(crate) const NODE_MODULES: &str = "node_modules";
/// The folder of the package in there.
pub(crate) const PACKAGE: [&str; 2] = ["@dafaz", "change-stream-broker"];
/// A forwarding package leads to an installed one. More than one of them in a row are a circle.
const MOST_FORWARDS: usize = 4;

#[derive(Deserialize)]
struct Manifest {
    csbroker: Option<Marker>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    forwards_to: Option<String>,
}

/// The real folder of the package that files in `root`, which is real too, get from Node. Our own forwarding packages
/// are followed.
pub(super) fn find(root: &Path) -> Option<PathBuf> {
    root.ancestors()
        .filter(|folder| folder.file_name().is_none_or(|name| name != NODE_MODULES))
        .find_map(|folder| behind(&in_node_modules(&folder.join(NODE_MODULES))))
}

/// The folder of the package.
pub(super) fn in_node_modules(node_modules: &Path) -> PathBuf {
    node_modules.join(PACKAGE[0]).join(PACKAGE[1])
}

/// The `node_modules` that a package is in. `None` if it is somewhere else, or called otherwise.
pub(super) fn node_modules_of(package: &Path) -> Option<&Path> {
    let node_modules = package.ancestors().nth(PACKAGE.len())?;
    let is_in_place = node_modules.file_name().is_some_and(|name| name == NODE_MODULES)
        && in_node_modules(node_modules) == package;
    is_in_place.then_some(node_modules)
}

/// The real package in a folder, or behind it. `None` if there is none, or none any more.
pub(super) fn behind(folder: &Path) -> Option<PathBuf> {
    let mut package = real_package(folder)?;
    for _ in 0..MOST_FORWARDS {
        match forwards_to(&package) {
            Some(target) => package = real_package(&portable_path::follow(&package, &target))?,
            None => return Some(package),
        }
    }
    None
}

/// To what a forwarding package of ours forwards. `None` if it is something else, or cannot be read.
pub(crate) fn forwards_to(package: &Path) -> Option<String> {
    let manifest = fs::read(package.join("package.json")).ok()?;
    serde_json::from_slice::<Manifest>(&manifest).ok()?.csbroker?.forwards_to
}

fn real_package(folder: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(folder).ok()?;
    real.join("package.json").is_file().then_some(real)
}
