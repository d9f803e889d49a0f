//! Being told to stop.

use std::io;

/// Ctrl-C, or SIGTERM where there is one.
pub(super) struct StopSignal {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(unix)]
impl StopSignal {
    /// From now on the signals do not end the process.
    pub(super) fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        forget_handlers();
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Resolves when one has come since it was registered, or since it resolved.
    pub(super) async fn received(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A new handler calls the one before it. Node's raises the signal again and relies on being called by the kernel, and only
/// once: called by another handler it would be called for ever.
#[cfg(unix)]
fn forget_handlers() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the default action runs none of our code, so there is nothing that it could do at a wrong moment.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

#[cfg(windows)]
impl StopSignal {
    /// From now on Ctrl-C does not end the process.
    pub(super) fn register() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Resolves when it has come since it was registered, or since it resolved.
    pub(super) async fn received(&mut self) {
        let _ = self.interrupt.recv().await;
    }
}
