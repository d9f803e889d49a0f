//! What to know about a client that is not beside the installed package.

use std::fs;
use std::path::Path;

use super::package_manager::PACKAGE;
use crate::project::installation::Placement;
use crate::project::project_folder::Project;

/// The line to print after a client was written there; `None` if there is nothing to know.
pub(crate) fn placement_note(placement: &Placement, project: &Project) -> Option<String> {
    let Placement::Forwarding { package, installed, .. } = placement else {
        return None;
    };
    let from_root = |path: &Path| path.strip_prefix(&project.root).unwrap_or(path).display().to_string();
    let written = format!(
        "{PACKAGE} is shared by several projects ({}), so a package that forwards to it was written to {}",
        from_root(installed),
        from_root(package)
    );
    // An install removes what it did not install.
    Some(if has_postinstall(&project.root) {
        written
    } else {
        format!(
            "{written}; let the script `postinstall` of package.json run `csbroker generate --if-present`, because installs remove it"
        )
    })
}

fn has_postinstall(root: &Path) -> bool {
    let package: Option<serde_json::Value> =
        fs::read_to_string(root.join("package.json")).ok().and_then(|text| serde_json::from_str(&text).ok());
    package
        .and_then(|package| {
            package["scripts"]["postinstall"].as_str().map(|script| script.contains("csbroker generate"))
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_package_needs_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { root: folder.path().to_path_buf() };
        let placement = Placement::Forwarding {
            client: project.root.join("node_modules/.csbroker/client"),
            package: project.root.join("node_modules/@dafaz/change-stream-broker"),
            installed: "/repo/node_modules/@dafaz/change-stream-broker".into(),
        };
        let note = placement_note(&placement, &project).unwrap();
        assert!(
            note.contains(
                "written to node_modules/@dafaz/change-stream-broker; let the script `postinstall`"
            ),
            "{note}"
        );
        let scripts = r#"{"scripts": {"postinstall": "husky && csbroker generate --if-present"}}"#;
        fs::write(project.root.join("package.json"), scripts).unwrap();
        assert!(!placement_note(&placement, &project).unwrap().contains("postinstall"));
        assert_eq!(placement_note(&Placement::Beside { client: "c".into() }, &project), None);
    }
}
