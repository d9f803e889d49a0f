//! `csbroker watch`: the client follows the files.

use super::{CommandContext, Failure, exit_code};
use crate::args::WatchArgs;
use crate::watch::watch;

pub(crate) fn run(args: &WatchArgs, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    let project = context.project()?;
    let options = context.generate_options(args.out.as_deref(), &args.keep)?;
    let terminal = &mut *context.terminal;
    terminal.note(&format!("watching {}; Ctrl-C ends it", project.change_stream().display()));
    watch(&project, &options, args.poll, terminal)?;
    terminal.note("watching has ended");
    Ok(exit_code::DONE)
}
