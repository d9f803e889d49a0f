//! With the real package of this repository, and a real Node.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::*;

const NAME: &str = "@dafaz/change-stream-broker";

struct Workspace {
    _folder: tempfile::TempDir,
    top: PathBuf,
    installed: PathBuf,
}

impl Workspace {
    /// `w/` with the package as npm would install it, and `w/services/a`, which shares it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap().join("w");
        let installed = top.join("node_modules").join(NAME);
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for file in ["index.d.ts", "define.js", "define.d.ts", "globals.d.ts", "package.json"] {
            copy(&repository.join(file), &installed.join(file));
        }
        for file in ["index.js", "index.mjs", "index.d.ts", "index.d.mts"] {
            copy(&repository.join("client").join(file), &installed.join("client").join(file));
        }
        // Without the native part.
        let index = "'use strict'\nconst { defineBroker } = require('./define.js')\n\
                     class ChangeStreamBroker {}\nmodule.exports = {\n  ChangeStreamBroker,\n  defineBroker,\n}\n";
        fs::write(installed.join("index.js"), index).unwrap();
        fs::create_dir(installed.join("bin")).unwrap();
        fs::write(installed.join("bin/csbroker.js"), "console.log('ran', __filename)\n").unwrap();
        let workspace = Self { _folder: folder, installed, top };
        fs::create_dir_all(workspace.service()).unwrap();
        let client = workspace.service().join("node_modules/.csbroker/client");
        fs::create_dir_all(&client).unwrap();
        fs::write(client.join("created-by-csbroker-generate.js"), "exports.brokerConfig = 'of a'\n").unwrap();
        fs::write(client.join("created-by-csbroker-generate.mjs"), "export const brokerConfig = 'of a'\n")
            .unwrap();
        workspace
    }

    fn service(&self) -> PathBuf {
        self.top.join("services/a")
    }

    fn folder(&self) -> PathBuf {
        self.service().join("node_modules").join(NAME)
    }

    fn package(&self) -> ForwardingPackage {
        ForwardingPackage::new(&self.folder(), &self.installed).unwrap()
    }

    /// What a script in the service prints.
    fn node(&self, file: &str, script: &str) -> String {
        fs::write(self.service().join(file), script).unwrap();
        let output = Command::new("node").arg(file).current_dir(self.service()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn assert_that_node_resolves_everything(&self) {
        let required = self.node(
            "a.cjs",
            "const all = require('@dafaz/change-stream-broker')\n\
             const { defineBroker } = require('@dafaz/change-stream-broker/define')\n\
             const { brokerConfig } = require('@dafaz/change-stream-broker/client')\n\
             const { version } = require('@dafaz/change-stream-broker/package.json')\n\
             console.log(Object.keys(all).join(), defineBroker === all.defineBroker, brokerConfig, version)\n",
        );
        assert_eq!(
            required,
            format!("ChangeStreamBroker,defineBroker true of a {}-forward\n", installed_version())
        );
        let imported = self.node(
            "a.mjs",
            "import { ChangeStreamBroker, defineBroker } from '@dafaz/change-stream-broker'\n\
             import { defineBroker as same } from '@dafaz/change-stream-broker/define'\n\
             import { brokerConfig } from '@dafaz/change-stream-broker/client'\n\
             console.log(typeof ChangeStreamBroker, defineBroker === same, brokerConfig)\n",
        );
        assert_eq!(imported, "function true of a\n");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

fn installed_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[test]
fn node_gets_the_real_package_and_the_projects_own_client() {
    let workspace = Workspace::new();
    let package = workspace.package();
    assert!(!package.is_current().unwrap());
    package.write().unwrap();
    assert!(workspace.package().is_current().unwrap());
    workspace.assert_that_node_resolves_everything();
    let names: Vec<_> = package.files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "bin/csbroker.js",
            "client/index.d.mts",
            "client/index.d.ts",
            "client/index.js",
            "client/index.mjs",
            "define.d.ts",
            "define.js",
            "globals.d.ts",
            "index.d.ts",
            "index.js",
            "package.json",
        ]
    );
    let text = |file| fs::read_to_string(workspace.folder().join(file)).unwrap();
    let real = format!("../../../../../node_modules/{NAME}");
    assert_eq!(text("index.d.ts"), format!("export * from \"{real}/index.js\"\n"));
    assert_eq!(text("globals.d.ts"), format!("/// <reference path=\"{real}/globals.d.ts\" />\n"));
    assert_eq!(broker_package::forwards_to(&workspace.folder()), Some(real));
}

#[test]
fn its_program_is_that_of_the_real_package() {
    let workspace = Workspace::new();
    workspace.package().write().unwrap();
    let program = workspace.folder().join("bin/csbroker.js");
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o111, 0o111);
    let output = Command::new(&program).output().unwrap();
    let real = workspace.installed.join("bin/csbroker.js");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("ran {}\n", real.display()));
}

#[test]
fn a_link_to_the_real_package_is_replaced() {
    let workspace = Workspace::new();
    let folder = workspace.folder();
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    symlink("../../../../node_modules/@dafaz/change-stream-broker", &folder).unwrap();
    assert!(folder.join("package.json").exists());
    let package = workspace.package();
    assert!(!package.is_current().unwrap());
    package.write().unwrap();
    assert!(!fs::symlink_metadata(&folder).unwrap().is_symlink());
    assert!(fs::read_to_string(workspace.installed.join("index.js")).unwrap().contains("class"));
    workspace.assert_that_node_resolves_everything();
    // A new version of the installed package, and back to a link, as after `npm install`.
    fs::write(workspace.installed.join("client/more.js"), "").unwrap();
    assert!(!workspace.package().is_current().unwrap());
    workspace.package().write().unwrap();
    assert!(folder.join("client/more.js").exists());
}

#[test]
fn a_real_package_is_never_replaced() {
    let workspace = Workspace::new();
    copy(&workspace.installed.join("package.json"), &workspace.folder().join("package.json"));
    assert_eq!(workspace.package().write().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    // What is left of a package that npm has removed is none.
    fs::remove_file(workspace.folder().join("package.json")).unwrap();
    workspace.package().write().unwrap();
    workspace.assert_that_node_resolves_everything();
}

#[test]
fn subpaths_that_come_later_are_forwarded_too() {
    let workspace = Workspace::new();
    let manifest = r#"{ "name": "@dafaz/change-stream-broker", "version": "3.0.0", "type": "module", "bin": "./run.js",
        "exports": { "./nest": { "types": "./nest.d.mts", "default": "./nest.js" }, "./parts/*": "./parts/*.cjs",
        "./data": "./data.json", "./missing": "./missing.js" } }"#;
    let installed = &workspace.installed;
    fs::write(installed.join("package.json"), manifest).unwrap();
    fs::create_dir_all(installed.join("parts/deep")).unwrap();
    for (file, text) in [
        ("nest.js", "export const nest = 1"),
        ("nest.d.mts", "export declare const nest: number"),
        ("parts/one.cjs", "exports.one = 1"),
        ("parts/deep/two.cjs", "exports.two = 2"),
        ("parts/note.txt", ""),
        ("data.json", "3"),
        ("run.js", "console.log('ran')"),
    ] {
        fs::write(installed.join(file), text).unwrap();
    }
    workspace.package().write().unwrap();
    let printed = workspace.node(
        "a.mjs",
        "import { createRequire } from 'node:module'\n\
         import { nest } from '@dafaz/change-stream-broker/nest'\n\
         import { one } from '@dafaz/change-stream-broker/parts/one'\n\
         import { two } from '@dafaz/change-stream-broker/parts/deep/two'\n\
         console.log(nest, one, two, createRequire(import.meta.url)('@dafaz/change-stream-broker/data'))\n",
    );
    assert_eq!(printed, "1 1 2 3\n");
    let types = fs::read_to_string(workspace.folder().join("nest.d.mts")).unwrap();
    assert!(types.ends_with("/nest.mjs\"\n"), "{types}");
    assert!(!workspace.folder().join("parts/note.txt").exists());
    assert_eq!(Command::new(workspace.folder().join("run.js")).output().unwrap().stdout, b"ran\n");
}
