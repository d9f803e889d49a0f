//! Where a `mongod` is on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `$MONGOD`, else `mongod` on `PATH`, else what `scripts/find_mongod.mjs` finds or fetches. Blocks meanwhile.
pub fn find() -> PathBuf {
    named_by_environment().or_else(on_path).unwrap_or_else(fetched)
}

fn named_by_environment() -> Option<PathBuf> {
    env::var_os("MONGOD").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn on_path() -> Option<PathBuf> {
    let directories = env::var_os("PATH")?;
    env::split_paths(&directories).map(|directory| directory.join("mongod")).find(|path| path.is_file())
}

/// The script prints the path as its last line and its progress on stderr, which the test's reader may want to see.
fn fetched() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/find_mongod.mjs");
    let output = Command::new("node").arg(&script).stderr(Stdio::inherit()).output().expect(
        "no mongod: set MONGOD to one, or install Node.js so that scripts/find_mongod.mjs can fetch one",
    );
    assert!(output.status.success(), "no mongod: set MONGOD to one; {} failed", script.display());
    let printed = String::from_utf8(output.stdout).expect("a path in UTF-8");
    let path = printed.lines().last().map(str::trim).filter(|line| !line.is_empty());
    PathBuf::from(path.expect("the path of a mongod as the last line"))
}
