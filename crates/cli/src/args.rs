//! What the command line understands.

use clap::Parser;

/// Development CLI of @dafaz/change-stream-broker.
///
/// The commands of the documentation (init, generate, watch, backups, restore, stage, apply-stage, diff) are not
/// part of this version yet.
#[derive(Debug, Parser)]
#[command(name = "csbroker", version, about, long_about)]
pub(crate) struct Args {}
