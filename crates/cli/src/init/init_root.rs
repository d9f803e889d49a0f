//! Where the project of a folder begins.

use std::path::{Path, PathBuf};

use crate::project::project_folder::Project;

/// The nearest folder upwards with a package.json, else one that has a `change-stream/` already, else the folder itself.
pub(crate) fn init_root(folder: &Path) -> PathBuf {
    let has_package = |folder: &&Path| folder.join("package.json").is_file();
    folder
        .ancestors()
        .find(has_package)
        .map(Path::to_path_buf)
        .or_else(|| Project::find(folder).map(|project| project.root))
        .unwrap_or_else(|| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_service_of_a_monorepo_is_a_project_of_its_own() {
        let top = tempfile::tempdir().unwrap();
        let service = top.path().join("services/orders");
        fs::create_dir_all(service.join("src")).unwrap();
        assert_eq!(init_root(&service.join("src")), service.join("src"));
        fs::create_dir_all(top.path().join("change-stream")).unwrap();
        assert_eq!(init_root(&service.join("src")), top.path());
        fs::write(service.join("package.json"), "{}").unwrap();
        assert_eq!(init_root(&service.join("src")), service);
    }
}
