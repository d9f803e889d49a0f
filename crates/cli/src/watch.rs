//! Generates whenever a file changes, until it is told to stop.

mod announced_changes;
mod change_event;
mod round;
mod stop_signal;
mod watched_files;
mod watched_folders;

use std::io;
use std::time::Duration;

use csb_core::runtime::clock;

use crate::generation::generate_client::GenerateOptions;
use crate::project::project_folder::Project;
use crate::terminal::Terminal;
use announced_changes::AnnouncedChanges;
use round::Rounds;
use stop_signal::StopSignal;
use watched_files::WatchedFiles;

/// How often `--poll` reads the files. It compares what is in them: times of files are too coarse on some disks.
const LOOK_INTERVAL: Duration = Duration::from_millis(300);

/// Generates now and after each change. Returns when the process is told to end; what is being written then is finished.
pub(crate) fn watch(
    project: &Project,
    options: &GenerateOptions,
    polls: bool,
    terminal: &mut Terminal,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rounds = Rounds::new(project, options);
    runtime.block_on(async {
        let mut stop = StopSignal::register()?;
        if polls {
            look(rounds, &mut stop, terminal).await;
            return Ok(());
        }
        listen(project, rounds, &mut stop, terminal).await
    })
}

/// Generates when a change is announced.
async fn listen(
    project: &Project,
    mut rounds: Rounds<'_>,
    stop: &mut StopSignal,
    terminal: &mut Terminal,
) -> io::Result<()> {
    let mut changes = AnnouncedChanges::of(WatchedFiles::of(project, &rounds.sources()))?;
    rounds.run(terminal);
    loop {
        while changes.follow(WatchedFiles::of(project, &rounds.sources()))? {
            // What has changed before it was watched.
            rounds.run_if_changed(terminal);
        }
        tokio::select! {
            biased;
            () = stop.received() => return Ok(()),
            () = changes.next() => rounds.run_if_worthwhile(terminal),
        }
    }
}

/// Generates when the files are found to have changed.
async fn look(mut rounds: Rounds<'_>, stop: &mut StopSignal, terminal: &mut Terminal) {
    rounds.run(terminal);
    let mut seen = rounds.sources();
    loop {
        tokio::select! {
            biased;
            () = stop.received() => return,
            () = clock::sleep(LOOK_INTERVAL) => {}
        }
        let now = rounds.sources();
        // Twice the same: nobody is writing.
        if now == seen {
            rounds.run_if_changed(terminal);
        }
        seen = now;
    }
}
