//! Brings client and stage to what was compiled.

use std::io;

use super::client_folder;
use super::forwarding_package::ForwardingPackage;
use crate::compile::Compilation;
use crate::diff::file_differences::{FileDifference, FileStatus, compare};
use crate::history::history_folder::{History, HistoryLock};
use crate::project::installation::Placement;
use crate::source::source_files::SourceFiles;

/// What is to change.
#[derive(Debug)]
pub(super) struct StateChange<'a> {
    compilation: &'a Compilation,
    placement: &'a Placement,
    forwarding: Option<ForwardingPackage>,
    /// The stage before.
    stage: Option<SourceFiles>,
    /// From the stage before to the new one.
    pub(super) differences: Vec<FileDifference>,
}

impl<'a> StateChange<'a> {
    /// Compares what is there with what was compiled. Changes nothing.
    pub(super) fn find(
        history: &History,
        placement: &'a Placement,
        compilation: &'a Compilation,
    ) -> io::Result<Self> {
        let forwarding = match placement {
            Placement::Forwarding { package, installed, .. } => {
                Some(ForwardingPackage::new(package, installed)?)
            }
            Placement::Out { client } => {
                client_folder::refuse_foreign(client)?;
                None
            }
            Placement::Beside { .. } => None,
        };
        let stage = history.stage()?;
        let differences = compare(stage.as_ref().unwrap_or(&SourceFiles::new()), &compilation.sources);
        Ok(Self { compilation, placement, forwarding, stage, differences })
    }

    /// Whether anything has to be written.
    pub(super) fn is_needed(&self) -> io::Result<bool> {
        Ok(!self.is_stage_current() || !self.is_client_current()? || !self.is_forwarding_current()?)
    }

    /// Writes what is not as it should be. The stage comes last: until then the next run has something to do. The
    /// name of the backup, if one was made.
    pub(super) fn write(
        &self,
        history: &History,
        lock: &HistoryLock,
        keep: usize,
    ) -> io::Result<Option<String>> {
        let sources = &self.compilation.sources;
        let backup = match &self.stage {
            Some(stage) if self.has_other_lines() => Some(history.back_up(lock, stage, sources, keep)?),
            _ => None,
        };
        if !self.is_client_current()? {
            client_folder::replace(self.placement.client(), &self.compilation.client)?;
        }
        match &self.forwarding {
            Some(forwarding) if !forwarding.is_current()? => forwarding.write()?,
            _ => {}
        }
        if !self.is_stage_current() {
            history.replace_stage(lock, sources)?;
        }
        Ok(backup)
    }

    /// Clears away what killed runs left, or completes it.
    pub(super) fn finish_killed_runs(&self) -> io::Result<()> {
        client_folder::finish_killed_runs(self.placement.client())?;
        self.forwarding.as_ref().map_or(Ok(()), ForwardingPackage::finish_killed_runs)
    }

    /// Line endings alone are no reason for a backup.
    fn has_other_lines(&self) -> bool {
        self.differences.iter().any(|difference| difference.status != FileStatus::Unchanged)
    }

    fn is_stage_current(&self) -> bool {
        self.stage.as_ref() == Some(&self.compilation.sources)
    }

    fn is_client_current(&self) -> io::Result<bool> {
        client_folder::is_current(self.placement.client(), &self.compilation.client)
    }

    fn is_forwarding_current(&self) -> io::Result<bool> {
        self.forwarding.as_ref().map_or(Ok(true), ForwardingPackage::is_current)
    }
}
