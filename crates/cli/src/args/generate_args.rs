//! Arguments of the commands that make the client.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::KeepArgs;

/// Arguments of `generate`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker generate                  make the client
  npx csbroker generate --check          exit 1 if it is missing or out of date, for CI
  npx csbroker generate --if-present     do nothing without change-stream/, for postinstall and prebuild
  npx csbroker generate --out .csbroker-client
                                         with \"imports\": {\"#csbroker/client\": …} in package.json")]
pub(crate) struct GenerateArgs {
    /// Write nothing; exit 1 if the client is missing or out of date
    #[arg(long)]
    pub(crate) check: bool,
    /// Succeed without doing anything if there is no change-stream/
    #[arg(long)]
    pub(crate) if_present: bool,
    /// Write the client to this folder instead of `node_modules`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

/// Arguments of `watch`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker watch
  npx csbroker watch --poll              where changes are not announced, as in Docker's bind mounts")]
pub(crate) struct WatchArgs {
    /// Look at the files again and again instead of waiting to be told
    #[arg(long)]
    pub(crate) poll: bool,
    /// Write the client to this folder instead of `node_modules`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}
