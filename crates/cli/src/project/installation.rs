//! Where the npm package is installed, and so where the client goes.

use std::fs;
use std::path::{Path, PathBuf};

use super::broker_package::{self, NODE_MODULES};
use super::plug_and_play;
use super::project_folder::Project;

/// Where a client is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// Beside the installed package, which belongs to this project alone.
    Beside {
        /// `…/node_modules/.csbroker/client`, seen from the package's real folder.
        client: PathBuf,
    },
    /// Several projects share the installed package: this one gets a small package of its own, which re-exports it.
    Forwarding {
        /// `<project>/node_modules/.csbroker/client`.
        client: PathBuf,
        /// `<project>/node_modules/@dafaz/change-stream-broker`, written by us.
        package: PathBuf,
        /// The package that is shared.
        installed: PathBuf,
    },
    /// Where the user has asked for.
    Out {
        /// The folder.
        client: PathBuf,
    },
}

impl Placement {
    /// The client's folder.
    pub fn client(&self) -> &Path {
        match self {
            Self::Beside { client } | Self::Forwarding { client, .. } | Self::Out { client } => client,
        }
    }
}

/// Why a client cannot be placed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlacementError {
    /// There is no package that the client could be part of.
    #[error("@dafaz/change-stream-broker is not installed in {0}")]
    NotInstalled(PathBuf),
    /// Yarn's Plug'n'Play has no place for one service of several.
    #[error("@dafaz/change-stream-broker is shared by several projects of a Plug'n'Play workspace")]
    SharedByPlugAndPlay,
}

/// Finds the place. `running` is the package that the program belongs to, `out` where the user wants the client.
pub fn find_placement(
    project: &Project,
    running: Option<&Path>,
    out: Option<&Path>,
) -> Result<Placement, PlacementError> {
    if let Some(out) = out {
        return Ok(Placement::Out { client: project.root.join(out) });
    }
    let root = real_root(project);
    if let Some(installed) = broker_package::find(&root) {
        return Ok(place(project, &root, installed));
    }
    if let Some(unplugged) = running.and_then(|running| unplugged(&root, running)) {
        return match beside(&unplugged).filter(|_| unplugged.starts_with(&root)) {
            Some(client) => Ok(Placement::Beside { client }),
            None => Err(PlacementError::SharedByPlugAndPlay),
        };
    }
    // Installed by a part of the project, and run from there.
    let inside = running.and_then(broker_package::behind).filter(|package| package.starts_with(&root));
    match inside.as_deref().and_then(beside) {
        Some(client) => Ok(Placement::Beside { client }),
        None => Err(PlacementError::NotInstalled(project.root.clone())),
    }
}

/// A folder from which the project's imports of packages can be looked up; `None` under Yarn's Plug'n'Play, where
/// only Yarn knows.
pub fn packages_folder(project: &Project) -> Option<&Path> {
    let root = real_root(project);
    let is_looked_up =
        plug_and_play::installation_of(&root).is_none() || broker_package::find(&root).is_some();
    is_looked_up.then_some(project.root.as_path())
}

fn real_root(project: &Project) -> PathBuf {
    // What cannot be resolved has no links in it that matter.
    fs::canonicalize(&project.root).unwrap_or_else(|_| project.root.clone())
}

fn unplugged(root: &Path, running: &Path) -> Option<PathBuf> {
    plug_and_play::unplugged(plug_and_play::installation_of(root)?, running)
}

fn place(project: &Project, root: &Path, installed: PathBuf) -> Placement {
    // The project's node_modules may be a link to somewhere else, as in images that install apart from the sources.
    let own = fs::canonicalize(root.join(NODE_MODULES));
    let is_own = installed.starts_with(root) || own.is_ok_and(|own| installed.starts_with(own));
    if let Some(client) = beside(&installed).filter(|_| is_own) {
        return Placement::Beside { client };
    }
    let node_modules = project.root.join(NODE_MODULES);
    Placement::Forwarding {
        client: client_in(&node_modules),
        package: broker_package::in_node_modules(&node_modules),
        installed,
    }
}

/// Where a package's own files expect the client. `None` if it is not in its place, so that this would be anywhere.
fn beside(package: &Path) -> Option<PathBuf> {
    broker_package::node_modules_of(package).map(client_in)
}

fn client_in(node_modules: &Path) -> PathBuf {
    node_modules.join(".csbroker").join("client")
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
