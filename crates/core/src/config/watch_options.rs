//! How a consumer fetches events.

use super::config_fields::ConfigFields;

/// How events are fetched.
///
/// The options without effect are accepted because configurations of 1.4.2 carry them: a message arrives whole in any
/// case, and where reading begins follows from the group's offset and `fromBeginning`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "camelCase"))]
pub struct ChangeStreamWatchOptions {
    /// Events per batch from the server at most, 1 to 10000.
    ///
    /// @default 1000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub batch_size: u32,
    /// How long the server waits for an event before it answers with an empty batch, in milliseconds, 1 to 60000.
    ///
    /// @default 1000
    #[cfg_attr(test, ts(optional = nullable, rename = "maxAwaitTimeMS", type = "number | undefined"))]
    pub max_await_time_ms: u64,
    /// No effect: a message always arrives whole.
    #[cfg_attr(
        test,
        ts(optional = nullable, type = "'default' | 'updateLookup' | 'whenAvailable' | 'required' | undefined")
    )]
    pub full_document: WithoutEffect,
    /// No effect: messages are never updated.
    #[cfg_attr(test, ts(optional = nullable, type = "'off' | 'whenAvailable' | 'required' | undefined"))]
    pub full_document_before_change: WithoutEffect,
    /// No effect: reading begins at the group's offset.
    #[cfg_attr(test, ts(optional = nullable, type = "unknown"))]
    pub resume_after: WithoutEffect,
    /// No effect: reading begins at the group's offset.
    #[cfg_attr(test, ts(optional = nullable, type = "unknown"))]
    pub start_after: WithoutEffect,
    /// No effect: reading begins at the group's offset.
    #[cfg_attr(test, ts(optional = nullable, type = "unknown"))]
    pub start_at_operation_time: WithoutEffect,
    /// No effect: nothing is compared by language.
    #[cfg_attr(test, ts(optional = nullable, type = "unknown"))]
    pub collation: WithoutEffect,
    /// No effect: messages are read from the primary.
    #[cfg_attr(test, ts(optional = nullable, type = "unknown"))]
    pub read_preference: WithoutEffect,
}

/// An option that is accepted and changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WithoutEffect;

impl ChangeStreamWatchOptions {
    pub(super) fn read(fields: &mut ConfigFields<'_>) -> Self {
        Self {
            batch_size: fields.integer("batchSize", 1..=10_000, 1_000),
            max_await_time_ms: fields.integer("maxAwaitTimeMS", 1..=60_000, 1_000),
            full_document: fields.without_effect("fullDocument"),
            full_document_before_change: fields.without_effect("fullDocumentBeforeChange"),
            resume_after: fields.without_effect("resumeAfter"),
            start_after: fields.without_effect("startAfter"),
            start_at_operation_time: fields.without_effect("startAtOperationTime"),
            collation: fields.without_effect("collation"),
            read_preference: fields.without_effect("readPreference"),
        }
    }
}
