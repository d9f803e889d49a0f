//! Arguments of the command that begins.

use clap::{Args as ClapArgs, ValueEnum};

/// Arguments of `init`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker init                            config.ts and message-payload.schema.ts, with an example
  npx csbroker init -y                         without questions, with all edits of package.json and others
  npx csbroker init --example nest-consumer    and a NestJS service that receives messages")]
pub(crate) struct InitArgs {
    /// Replace files that exist; a copy of them is kept beside them
    #[arg(long)]
    pub(crate) force: bool,
    /// Make every edit without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Also write a service that uses it
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) example: Option<Example>,
}

/// A service to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Example {
    /// A NestJS service that sends messages
    NestProducer,
    /// A NestJS service that receives messages
    NestConsumer,
}
