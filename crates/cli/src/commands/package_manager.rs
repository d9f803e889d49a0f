//! Which package manager a project uses.

use std::path::Path;

/// The npm package that a service depends on.
pub(crate) const PACKAGE: &str = "@dafaz/change-stream-broker";

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackageManager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

const LOCK_FILES: [(&str, PackageManager); 6] = [
    ("package-lock.json", PackageManager::Npm),
    ("npm-shrinkwrap.json", PackageManager::Npm),
    ("pnpm-lock.yaml", PackageManager::Pnpm),
    ("yarn.lock", PackageManager::Yarn),
    ("bun.lock", PackageManager::Bun),
    ("bun.lockb", PackageManager::Bun),
];

impl PackageManager {
    /// By the nearest lock file; a workspace has it further up. npm if there is none.
    pub(crate) fn of(root: &Path) -> Self {
        let lock_in = |folder: &Path| {
            LOCK_FILES.iter().find(|(file, _)| folder.join(file).is_file()).map(|(_, manager)| *manager)
        };
        root.ancestors().find_map(lock_in).unwrap_or(Self::Npm)
    }

    /// The command that makes the package a dependency.
    pub(crate) fn install_command(self) -> String {
        let install = match self {
            Self::Npm => "npm install",
            Self::Pnpm => "pnpm add",
            Self::Yarn => "yarn add",
            Self::Bun => "bun add",
        };
        format!("{install} {PACKAGE}")
    }

    /// The command that moves it from `devDependencies` to `dependencies`.
    pub(crate) fn move_command(self) -> String {
        match self {
            Self::Npm => format!("npm install --save-prod {PACKAGE}"),
            Self::Pnpm => format!("pnpm add --save-prod {PACKAGE}"),
            Self::Yarn => format!("yarn remove {PACKAGE} && yarn add {PACKAGE}"),
            Self::Bun => format!("bun remove {PACKAGE} && bun add {PACKAGE}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_lock_file_tells() {
        let workspace = tempfile::tempdir().unwrap();
        let service = workspace.path().join("services/orders");
        std::fs::create_dir_all(&service).unwrap();
        std::fs::write(workspace.path().join("yarn.lock"), "").unwrap();
        assert_eq!(PackageManager::of(&service), PackageManager::Yarn);
        std::fs::write(service.join("bun.lock"), "").unwrap();
        assert_eq!(PackageManager::of(&service).install_command(), "bun add @dafaz/change-stream-broker");
    }
}
