//! Every way in which package managers install, as folders and links on a real disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

const PACKAGE: &str = "node_modules/@dafaz/change-stream-broker";

struct Disk {
    _folder: tempfile::TempDir,
    top: PathBuf,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        Self { _folder: folder, top }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }

    fn project(&self, path: &str) -> Project {
        fs::create_dir_all(self.at(path).join("change-stream")).unwrap();
        Project { root: self.at(path) }
    }

    fn package(&self, path: &str) -> PathBuf {
        self.package_with(path, "{}")
    }

    fn package_with(&self, path: &str, manifest: &str) -> PathBuf {
        fs::create_dir_all(self.at(path)).unwrap();
        fs::write(self.at(path).join("package.json"), manifest).unwrap();
        self.at(path)
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        symlink(target, self.at(path)).unwrap();
    }

    fn beside(&self, node_modules: &str) -> Placement {
        Placement::Beside { client: self.at(node_modules).join(".csbroker/client") }
    }

    fn forwarding(&self, project: &str, installed: &str) -> Placement {
        let node_modules = self.at(project).join("node_modules");
        Placement::Forwarding {
            client: node_modules.join(".csbroker/client"),
            package: node_modules.join("@dafaz/change-stream-broker"),
            installed: self.at(installed),
        }
    }
}

fn find(project: &Project) -> Placement {
    find_placement(project, None, None).unwrap()
}

#[test]
fn out_is_where_the_user_says() {
    let disk = Disk::new();
    let project = disk.project("p");
    for (out, client) in [("made/client", "p/made/client"), (disk.at("far").to_str().unwrap(), "far")] {
        let expected = Placement::Out { client: disk.at(client) };
        assert_eq!(find_placement(&project, None, Some(Path::new(out))), Ok(expected));
    }
}

#[test]
fn npm_installs_into_the_project() {
    let disk = Disk::new();
    let project = disk.project("p");
    disk.package(&format!("p/{PACKAGE}"));
    assert_eq!(find(&project), disk.beside("p/node_modules"));
}

#[test]
fn pnpm_links_to_its_own_folder_in_the_project() {
    let disk = Disk::new();
    let project = disk.project("p");
    let store = "p/node_modules/.pnpm/@dafaz+change-stream-broker@2.0.0/node_modules";
    disk.package(&format!("{store}/@dafaz/change-stream-broker"));
    disk.link(
        &format!("p/{PACKAGE}"),
        "../.pnpm/@dafaz+change-stream-broker@2.0.0/node_modules/@dafaz/change-stream-broker",
    );
    assert_eq!(find(&project), disk.beside(store));
}

#[test]
fn a_workspace_or_a_link_out_of_the_project_is_shared() {
    let disk = Disk::new();
    let service = disk.project("w/services/a");
    disk.package(&format!("w/{PACKAGE}"));
    assert_eq!(find(&service), disk.forwarding("w/services/a", &format!("w/{PACKAGE}")));
    // The workspace itself has it for its own.
    assert_eq!(find(&disk.project("w")), disk.beside("w/node_modules"));

    let project = disk.project("p");
    disk.package("repository");
    disk.link(&format!("p/{PACKAGE}"), disk.at("repository"));
    assert_eq!(find(&project), disk.forwarding("p", "repository"));
}

#[test]
fn a_linked_folder_of_the_project_itself_gets_no_client_in_odd_places() {
    let disk = Disk::new();
    let project = disk.project("p");
    disk.package("p/vendor/broker");
    disk.link(&format!("p/{PACKAGE}"), "../../vendor/broker");
    assert_eq!(find(&project), disk.forwarding("p", "p/vendor/broker"));
}

#[test]
fn node_modules_itself_may_be_a_link() {
    let disk = Disk::new();
    let project = disk.project("p");
    disk.package(&format!("deps/{PACKAGE}"));
    disk.link("p/node_modules", disk.at("deps/node_modules"));
    assert_eq!(find(&project), disk.beside("deps/node_modules"));
}

#[test]
fn a_project_behind_a_link_is_where_it_really_is() {
    let disk = Disk::new();
    disk.project("real/p");
    disk.package(&format!("real/{PACKAGE}"));
    disk.link("link", "real/p");
    let Placement::Forwarding { installed, .. } = find(&Project { root: disk.at("link") }) else { panic!() };
    assert_eq!(installed, disk.at(&format!("real/{PACKAGE}")));
}

#[test]
fn forwarding_packages_are_followed() {
    let disk = Disk::new();
    let service = disk.project("w/a");
    disk.package(&format!("w/{PACKAGE}"));
    let forwards = r#"{"csbroker":{"forwardsTo":"../../../../node_modules/@dafaz/change-stream-broker"}}"#;
    disk.package_with(&format!("w/a/{PACKAGE}"), forwards);
    assert_eq!(find(&service), disk.forwarding("w/a", &format!("w/{PACKAGE}")));
    // Its target is gone: what Node would find above counts.
    fs::remove_dir_all(disk.at(&format!("w/{PACKAGE}"))).unwrap();
    disk.package(PACKAGE);
    assert_eq!(find(&service), disk.forwarding("w/a", PACKAGE));
    fs::remove_dir_all(disk.at(PACKAGE)).unwrap();
    assert_eq!(find_placement(&service, None, None), Err(PlacementError::NotInstalled(service.root.clone())));
    // One that leads to itself.
    disk.package_with(&format!("w/a/{PACKAGE}"), r#"{"csbroker":{"forwardsTo":"."}}"#);
    assert!(find_placement(&service, None, None).is_err());
}

#[test]
fn what_is_no_package_is_passed_over() {
    let disk = Disk::new();
    let service = disk.project("w/a");
    disk.package(&format!("w/{PACKAGE}"));
    fs::create_dir_all(disk.at("w/a").join(PACKAGE)).unwrap();
    assert_eq!(find(&service), disk.forwarding("w/a", &format!("w/{PACKAGE}")));
    fs::remove_dir(disk.at("w/a").join(PACKAGE)).unwrap();
    disk.link(&format!("w/a/{PACKAGE}"), "nowhere");
    assert_eq!(find(&service), disk.forwarding("w/a", &format!("w/{PACKAGE}")));
}

#[test]
fn the_running_package_counts_when_a_part_of_the_project_has_it() {
    let disk = Disk::new();
    let project = disk.project("p");
    let running = disk.package(&format!("p/services/a/{PACKAGE}"));
    let found = find_placement(&project, Some(&running), None).unwrap();
    assert_eq!(found, disk.beside("p/services/a/node_modules"));
    let elsewhere = disk.package(&format!("cache/{PACKAGE}"));
    let error = find_placement(&project, Some(&elsewhere), None).unwrap_err();
    assert_eq!(error, PlacementError::NotInstalled(project.root));
}

#[test]
fn plug_and_play_unplugs_the_package() {
    let disk = Disk::new();
    let project = disk.project("w");
    fs::write(disk.at("w/.pnp.cjs"), "").unwrap();
    let unplugged = format!("w/.yarn/unplugged/broker-1/{PACKAGE}");
    disk.package(&unplugged);
    // What Yarn makes of it for Node.
    let running = disk.at(&format!("w/.yarn/__virtual__/broker-virtual-1/0/unplugged/broker-1/{PACKAGE}"));
    let placed = find_placement(&project, Some(&running), None).unwrap();
    assert_eq!(placed, disk.beside("w/.yarn/unplugged/broker-1/node_modules"));
    assert_eq!(packages_folder(&project), None);

    let service = disk.project("w/services/a");
    let shared = find_placement(&service, Some(&running), None);
    assert_eq!(shared, Err(PlacementError::SharedByPlugAndPlay));
    assert!(
        find_placement(&service, None, None).is_err_and(|error| error != PlacementError::SharedByPlugAndPlay)
    );

    disk.package(&format!("w/services/a/{PACKAGE}"));
    assert_eq!(packages_folder(&service), Some(service.root.as_path()));
}
