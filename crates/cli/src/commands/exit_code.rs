//! What the exit codes mean.

/// Done.
pub(crate) const DONE: i32 = 0;
/// A problem in the user's files, or refused.
pub(crate) const PROBLEM: i32 = 1;
/// Wrong usage.
pub(crate) const USAGE: i32 = 2;
/// An answer is needed, but there is no terminal.
pub(crate) const NEEDS_ANSWER: i32 = 3;
/// Ended by Ctrl-C, as shells number it.
pub(crate) const INTERRUPTED: i32 = 130;
