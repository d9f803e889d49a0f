//! A change of a file that the user has written.

/// What is to be done about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileEdit {
    /// Nothing.
    NotNeeded,
    /// This, if the user agrees.
    Proposed {
        /// The whole file.
        text: String,
        /// What is asked, such as `add .csbroker/`.
        question: String,
        /// What has been done then, such as `.csbroker/ added`.
        done: String,
    },
    /// The user has to see to it.
    Advised(String),
    /// The file is broken, and left alone.
    Broken(String),
}
