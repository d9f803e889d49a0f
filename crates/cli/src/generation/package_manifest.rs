//! The package.json of the installed package, and that of the package that forwards to it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::package_exports::PackageExports;
use crate::project::folder_files;

/// What a forwarding package has in common with the installed one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PackageManifest {
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    module_kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    main: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bin: Option<PackageExports>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exports: Option<PackageExports>,
    #[serde(skip_deserializing)]
    csbroker: Forwarding,
}

/// By which a forwarding package is known.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Forwarding {
    forwards_to: String,
}

impl PackageManifest {
    /// Of the installed package.
    pub(super) fn read(package: &Path) -> io::Result<Self> {
        let file = package.join("package.json");
        serde_json::from_slice(&folder_files::read(&file)?).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", file.display()))
        })
    }

    /// The files that others may import, by their path in the package. Some have `*` in them.
    pub(super) fn entry_files(&self) -> BTreeSet<String> {
        let exported = self.exports.iter().flat_map(PackageExports::files);
        exported.chain(self.main.as_deref()).chain(self.types.as_deref()).map(path_in_package).collect()
    }

    /// The files that the shell may run.
    pub(super) fn programs(&self) -> BTreeSet<String> {
        self.bin.iter().flat_map(PackageExports::files).map(path_in_package).collect()
    }

    /// Whether Node takes `.js` files for ES modules.
    pub(super) fn is_module(&self) -> bool {
        self.module_kind.as_deref() == Some("module")
    }

    /// The package.json of the forwarding package. Another version, because TypeScript takes files of packages of the
    /// same name and version for the same.
    pub(super) fn forwarding(mut self, target: &str) -> io::Result<String> {
        self.version += "-forward";
        self.description = Some("Written by csbroker generate: forwards to the installed package".to_owned());
        target.clone_into(&mut self.csbroker.forwards_to);
        Ok(serde_json::to_string_pretty(&self)? + "\n")
    }
}

fn path_in_package(file: &str) -> String {
    file.trim_start_matches("./").to_owned()
}
