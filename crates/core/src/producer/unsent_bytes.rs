//! The bound on what all producers of a broker hold unsent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::error_code::ErrorCode;

/// Counts bytes up to a limit.
#[derive(Clone)]
pub(crate) struct UnsentBytes {
    held: Arc<AtomicUsize>,
    limit: usize,
}

/// Bytes that are held; given back when dropped.
pub(super) struct HeldBytes {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl UnsentBytes {
    pub(crate) fn new(limit: usize) -> Self {
        Self { held: Arc::default(), limit }
    }

    /// Reserves room. A single send larger than the limit may pass when nothing else is held.
    pub(super) fn hold(&self, bytes: usize) -> Result<HeldBytes> {
        let before = self.held.fetch_add(bytes, Ordering::AcqRel);
        let held = HeldBytes { held: Arc::clone(&self.held), bytes };
        if before > 0 && before + bytes > self.limit {
            return Err(Error::new(
                ErrorCode::BufferFull,
                format!(
                    "{before} bytes are waiting to be sent and the limit (maxBufferedBytes) is {}; wait for earlier \
                     sends, or raise it",
                    self.limit
                ),
            ));
        }
        Ok(held)
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_goes_over_and_takes_again_what_was_given_back() {
        let unsent = UnsentBytes::new(100);
        let large = unsent.hold(150).expect("nothing else is held");
        assert_eq!(unsent.hold(1).err().map(|error| error.code()), Some(ErrorCode::BufferFull));
        drop(large);
        let _held = unsent.hold(60).expect("room");
        assert!(unsent.hold(40).is_ok());
    }
}
