//! What differs between two sets of source files.

mod diff_paint;
pub mod file_differences;
mod text_lines;
pub mod unified_diff;
