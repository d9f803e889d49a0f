//! One run of the command line.

use std::path::PathBuf;

/// What a run is started with.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// The arguments, without the program's name.
    pub args: Vec<String>,
    /// The folder of the npm package that the program belongs to; `None` when it runs without one, in development.
    pub package: Option<PathBuf>,
}
