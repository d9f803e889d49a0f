//! Whether a package could be imported.

use std::path::Path;

/// Node's own modules, which have no folder.
const BUILT_IN: [&str; 46] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
    "test",
    "sea",
    "sqlite",
    "bun",
];

/// Whether a specifier is Node's, a subpath import, or in a `node_modules` of the folder or above.
pub(crate) fn is_importable(folder: &Path, specifier: &str) -> bool {
    let mut parts = specifier.splitn(3, '/');
    let first = parts.next().unwrap_or_default();
    if specifier.contains(':') || first.starts_with('#') || BUILT_IN.contains(&first) {
        return true;
    }
    let name = match parts.next() {
        Some(second) if first.starts_with('@') => format!("{first}/{second}"),
        _ => first.to_owned(),
    };
    folder.ancestors().any(|above| above.join("node_modules").join(&name).exists())
}
