//! The program as users run it: as a process, in a folder, with or without a terminal.
#![expect(clippy::unwrap_used, reason = "what fails here has to fail the test")]

mod apply_stage;
mod backups;
mod diff;
mod generate;
mod init;
#[cfg(unix)]
mod interactive;
mod restore;
mod running_program;
mod stage;
#[cfg(unix)]
mod terminal_user;
mod test_project;
mod usage;
#[cfg(unix)]
mod watch;
mod wrong_folder;
