//! How much is logged.

/// How much is logged: nothing, or everything up to this level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(export, export_to = "config.d.ts", rename = "LogLevelName", rename_all = "UPPERCASE")
)]
pub enum LogLevel {
    /// Nothing.
    #[default]
    Silent,
    /// What needs a person.
    Error,
    /// What is unusual but handled.
    Warn,
    /// What changes: connections, topics, assignments.
    Info,
    /// Every step.
    Debug,
}

impl LogLevel {
    /// Every level with its name, quietest first.
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("SILENT", Self::Silent),
        ("ERROR", Self::Error),
        ("WARN", Self::Warn),
        ("INFO", Self::Info),
        ("DEBUG", Self::Debug),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quieter_levels_come_first() {
        assert!(LogLevel::NAMES.map(|(_, level)| level).is_sorted());
        assert_eq!(LogLevel::default(), LogLevel::Silent);
    }
}
