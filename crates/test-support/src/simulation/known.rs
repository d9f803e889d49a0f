//! What is known to go wrong and is not held against a run. Each entry goes when its cause does.
//!
//! With `CSB_SIM_STRICT=1` all of it is held against it.

use std::sync::LazyLock;

static IS_STRICT: LazyLock<bool> =
    LazyLock::new(|| std::env::var("CSB_SIM_STRICT").is_ok_and(|on| on == "1"));

/// A write to an offset document that takes effect after its caller has given it up overtakes later ones: the offset
/// goes back, or a claim ends that of the same member.
pub(super) fn late_offset_writes() -> bool {
    !*IS_STRICT
}
