//! `csbroker completions`: a script that makes a shell complete the commands.

use clap::CommandFactory;
use serde::Serialize;

use super::{CommandContext, exit_code};
use crate::args::{Args, CompletionsArgs};

#[derive(Debug, Serialize)]
struct CompletionsDocument {
    ok: bool,
    shell: String,
    script: String,
}

pub(crate) fn run(args: &CompletionsArgs, context: &mut CommandContext<'_>) -> i32 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "csbroker", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    context.terminal.data(&script);
    context.terminal.document(&CompletionsDocument { ok: true, shell: args.shell.to_string(), script });
    exit_code::DONE
}
