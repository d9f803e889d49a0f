//! Yarn's Plug'n'Play, which has no `node_modules`: packages stay in archives, and ours is unplugged into a folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::broker_package::node_modules_of;

/// What Yarn calls the paths of packages that have peers; there are no such folders.
const VIRTUAL: [&str; 2] = ["__virtual__", "$$virtual"];

/// The folder that Yarn has installed, from `root` upwards.
pub(super) fn installation_of(root: &Path) -> Option<&Path> {
    root.ancestors().find(|folder| folder.join(".pnp.cjs").is_file())
}

/// The real folder of a package that is unplugged in this installation.
pub(super) fn unplugged(installation: &Path, package: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(without_virtual(package)).ok()?;
    (real.starts_with(installation) && node_modules_of(&real).is_some()).then_some(real)
}

/// `/p/.yarn/__virtual__/some-hash/1/unplugged/x` is `/p/unplugged/x`: the number says how many folders to leave.
fn without_virtual(path: &Path) -> PathBuf {
    let parts: Vec<Component<'_>> = path.components().collect();
    let place = parts.iter().position(|part| VIRTUAL.iter().any(|name| part.as_os_str() == *name));
    let Some(place) = place else { return path.to_path_buf() };
    let levels = parts.get(place + 2).and_then(|number| number.as_os_str().to_str()?.parse::<usize>().ok());
    let Some(levels) = levels else { return path.to_path_buf() };
    let base = &parts[..place.saturating_sub(levels)];
    base.iter().chain(&parts[place + 3..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_paths_lead_to_real_ones() {
        for (path, real) in [
            ("/p/.yarn/__virtual__/x-1/0/unplugged/x/node_modules/x", "/p/.yarn/unplugged/x/node_modules/x"),
            ("/p/.yarn/__virtual__/x-virtual-1/1/packages/x", "/p/packages/x"),
            ("/p/.yarn/$$virtual/x-virtual-1/0/unplugged/x", "/p/.yarn/unplugged/x"),
            ("/p/.yarn/unplugged/x", "/p/.yarn/unplugged/x"),
            ("/p/__virtual__", "/p/__virtual__"),
        ] {
            assert_eq!(without_virtual(Path::new(path)), Path::new(real));
        }
    }
}
