//! The TypeScript type of a message's headers. Nothing is built from it: headers pass through as they are given.

/// Headers of a message. Other names with any value may be added; these are those that have a meaning already.
#[derive(ts_rs::TS)]
#[ts(export, export_to = "records.d.ts", rename = "Header", rename_all = "camelCase")]
#[expect(dead_code, reason = "only its TypeScript form is used")]
struct HeaderShape {
    /// What happened, such as `purchase.created`.
    #[ts(optional = nullable, type = "string | undefined")]
    event_type: String,
    /// Service that sent the message.
    #[ts(optional = nullable, type = "string | undefined")]
    source: String,
    /// Kind of change that a message reports.
    #[ts(
        optional = nullable,
        rename = "operation-type",
        type = "'insert' | 'update' | 'replace' | 'delete' | 'invalidate' | 'drop' | 'rename' | 'shardCollection' | undefined"
    )]
    operation_type: String,
    /// Cluster time of that change, as text.
    #[ts(optional = nullable, rename = "cluster-time", type = "string | undefined")]
    cluster_time: String,
    /// Key of the changed document, as JSON.
    #[ts(optional = nullable, rename = "document-key", type = "string | undefined")]
    document_key: String,
}
