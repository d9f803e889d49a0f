//! How the broker reaches the deployment, and what it may take.

use std::fmt;

use bson::{Bson, Document};

use super::config_fields::{ConfigCheck, ConfigFields, TextRule};
use super::log_level::LogLevel;
use crate::error::Result;
use crate::record::type_name::type_name;

const DEFAULT_NAME: &str = "change-stream-broker";
const DEFAULT_LOG_CONTEXT: &str = "ChangeStreamBroker";
const SCHEMES: [&str; 3] = ["mongodb://", "mongodb+srv://", "memory://"];
const MIB: u64 = 1024 * 1024;

const DATABASE_NAME: TextRule = TextRule {
    demand: "give 1 to 63 bytes without `/`, `\\`, `.`, `\"`, `$`, `*`, `<`, `>`, `:`, `|`, `?`, space or NUL, or \
             leave it out for \"change-stream-broker\"",
    accepts: |name| {
        (1..=63).contains(&name.len()) && !name.contains(|char| "/\\. \"$*<>:|?\0".contains(char))
    },
};
const APP_NAME: TextRule = TextRule {
    demand: "give 1 to 128 bytes, or leave it out for \"change-stream-broker\"",
    accepts: |name| (1..=128).contains(&name.len()),
};
const LOG_CONTEXT: TextRule =
    TextRule { demand: "give at most 200 bytes, or leave it out", accepts: |context| context.len() <= 200 };

/// A connection string. It may hold a password, so it prints as `<hidden>`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MongoUri(String);

impl MongoUri {
    /// The text, for the driver only.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it asks for the embedded store instead of a server.
    pub fn is_memory(&self) -> bool {
        self.0.starts_with("memory://")
    }
}

impl fmt::Debug for MongoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}

/// The broker: deployment, database, limits and logging.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "camelCase"))]
pub struct BrokerConfig {
    /// Connection string of a replica set or sharded cluster: `mongodb://…` or `mongodb+srv://…`; `memory://` for a
    /// store inside the process, for tests and demonstrations. Required: an environment variable that is not set
    /// (`undefined`) is refused when the broker is made.
    #[cfg_attr(test, ts(type = "string | undefined"))]
    pub mongo_uri: MongoUri,
    /// Database of topics, messages and offsets: 1 to 63 bytes, as MongoDB allows them.
    ///
    /// @default `'change-stream-broker'`
    #[cfg_attr(test, ts(optional = nullable, type = "string | undefined"))]
    pub database: String,
    /// Name under which connections appear in the server's log, 1 to 128 bytes.
    ///
    /// @default `'change-stream-broker'`
    #[cfg_attr(test, ts(optional = nullable, type = "string | undefined"))]
    pub app_name: String,
    /// Accepted for compatibility with 1.4.2, 0 to 1000. Reconnecting is not limited by it: the broker reconnects
    /// until it is disconnected.
    ///
    /// @default 10
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub max_retries: u32,
    /// Accepted for compatibility with 1.4.2, in milliseconds, 0 to 3600000. Reconnecting chooses its own pauses.
    ///
    /// @default 1000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub retry_delay_ms: u64,
    /// How often the process tells the groups of its consumers that it lives, in milliseconds, 500 to 60000, and at most a
    /// third of their `sessionTimeoutMs`. One write for all of them. A member that is not heard stops handing out messages
    /// one interval before its session ends.
    ///
    /// @default 3000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub heartbeat_interval_ms: u64,
    /// Whether `createProducer` makes its topic what its configuration says: creates it, adds partitions, and changes the
    /// retention, also of what is stored.
    ///
    /// @default false
    #[cfg_attr(test, ts(optional = nullable, type = "boolean | undefined"))]
    pub auto_create_topics: bool,
    /// How much is logged.
    ///
    /// @default `'SILENT'`
    #[cfg_attr(test, ts(optional = nullable, type = "LogLevelName | undefined"))]
    pub log_level: LogLevel,
    /// Name that log lines of the broker carry, at most 200 bytes.
    ///
    /// @default `'ChangeStreamBroker'`
    #[cfg_attr(test, ts(optional = nullable, type = "string | undefined"))]
    pub log_context: String,
    /// How long `send` keeps trying while no server can take the message, in milliseconds, 100 to 600000. Then it
    /// rejects.
    ///
    /// @default 30000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub delivery_timeout_ms: u64,
    /// Bytes that all producers of the broker together may hold unsent, 1048576 (1 MiB) to 1073741824 (1 GiB).
    /// Beyond it `send` rejects with `ERR_CSB_BUFFER_FULL`.
    ///
    /// @default 67108864
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub max_buffered_bytes: u64,
    /// How long `disconnect` waits for handlers in flight, in milliseconds, 0 to 600000.
    ///
    /// @default 25000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub shutdown_grace_ms: u64,
    /// Deadline of one call to the server, in milliseconds, 100 to 600000.
    ///
    /// @default 30000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub operation_timeout_ms: u64,
}

impl BrokerConfig {
    /// Checks and reads what the broker was made with.
    pub fn from_document(document: &Document) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let config = Self::read(&mut fields);
        fields.finish("The broker configuration", config)
    }

    /// Only checks it.
    pub fn check(document: &Document) -> ConfigCheck {
        let mut fields = ConfigFields::new(document);
        Self::read(&mut fields);
        fields.into_check()
    }

    fn read(fields: &mut ConfigFields<'_>) -> Self {
        Self {
            mongo_uri: mongo_uri(fields),
            database: fields.optional_text("database", &DATABASE_NAME).unwrap_or_else(|| DEFAULT_NAME.into()),
            app_name: fields.optional_text("appName", &APP_NAME).unwrap_or_else(|| DEFAULT_NAME.into()),
            max_retries: fields.integer("maxRetries", 0..=1000, 10),
            retry_delay_ms: fields.integer("retryDelayMs", 0..=3_600_000, 1_000),
            heartbeat_interval_ms: fields.integer("heartbeatIntervalMs", 500..=60_000, 3_000),
            auto_create_topics: fields.boolean("autoCreateTopics", false),
            log_level: fields
                .one_of("logLevel", &LogLevel::NAMES, str::eq_ignore_ascii_case)
                .unwrap_or_default(),
            log_context: fields
                .optional_text("logContext", &LOG_CONTEXT)
                .filter(|context| !context.is_empty())
                .unwrap_or_else(|| DEFAULT_LOG_CONTEXT.into()),
            delivery_timeout_ms: fields.integer("deliveryTimeoutMs", 100..=600_000, 30_000),
            max_buffered_bytes: fields.integer("maxBufferedBytes", MIB..=1024 * MIB, 64 * MIB),
            shutdown_grace_ms: fields.integer("shutdownGraceMs", 0..=600_000, 25_000),
            operation_timeout_ms: fields.integer("operationTimeoutMs", 100..=600_000, 30_000),
        }
    }
}

/// Reads the connection string. What was given is never repeated; the driver parses the rest of it.
fn mongo_uri(fields: &mut ConfigFields<'_>) -> MongoUri {
    let problem = match fields.given("mongoUri") {
        Some(Bson::String(uri)) if SCHEMES.iter().any(|scheme| uri.starts_with(scheme)) => {
            return MongoUri(uri.clone());
        }
        Some(Bson::String(uri)) if !uri.is_empty() => {
            "begins with no known scheme: give a text that begins with mongodb://, mongodb+srv:// or memory://"
                .to_owned()
        }
        None | Some(Bson::String(_)) => {
            "is missing: set it in defineBroker, e.g. from process.env.MONGODB_BROKER_URI".to_owned()
        }
        Some(other) => format!(
            "is {}: give a text that begins with mongodb://, mongodb+srv:// or memory://",
            type_name(other.element_type())
        ),
    };
    fields.reject("mongoUri", problem);
    MongoUri::default()
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::error_code::ErrorCode;

    fn problem(document: &Document) -> String {
        let error = BrokerConfig::from_document(document).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfig);
        error.message().strip_prefix("The broker configuration is invalid: ").unwrap().to_owned()
    }

    #[test]
    fn fills_in_the_documented_defaults() {
        let expected = BrokerConfig {
            mongo_uri: MongoUri("mongodb://h".into()),
            database: "change-stream-broker".into(),
            app_name: "change-stream-broker".into(),
            max_retries: 10,
            retry_delay_ms: 1_000,
            heartbeat_interval_ms: 3_000,
            auto_create_topics: false,
            log_level: LogLevel::Silent,
            log_context: "ChangeStreamBroker".into(),
            delivery_timeout_ms: 30_000,
            max_buffered_bytes: 67_108_864,
            shutdown_grace_ms: 25_000,
            operation_timeout_ms: 30_000,
        };
        let with_extras = doc! { "mongoUri": "mongodb://h", "database": null, "kafka": { "x": 1 } };
        for document in [doc! { "mongoUri": "mongodb://h" }, with_extras] {
            assert_eq!(BrokerConfig::from_document(&document).unwrap(), expected);
        }
    }

    #[test]
    fn reads_what_is_given() {
        let document = doc! {
            "mongoUri": "memory://demo", "database": "purchase-events", "appName": "shop", "maxRetries": 0,
            "retryDelayMs": 0, "heartbeatIntervalMs": 500, "autoCreateTopics": true, "logLevel": "iNfO",
            "logContext": "Shop", "deliveryTimeoutMs": 100, "maxBufferedBytes": 1_048_576, "shutdownGraceMs": 0,
            "operationTimeoutMs": 600_000.0,
        };
        let config = BrokerConfig::from_document(&document).unwrap();
        assert!(config.mongo_uri.is_memory());
        assert_eq!((config.database.as_str(), config.app_name.as_str()), ("purchase-events", "shop"));
        assert_eq!((config.max_retries, config.retry_delay_ms, config.heartbeat_interval_ms), (0, 0, 500));
        assert!(config.auto_create_topics);
        assert_eq!((config.log_level, config.log_context.as_str()), (LogLevel::Info, "Shop"));
        assert_eq!((config.delivery_timeout_ms, config.max_buffered_bytes), (100, 1_048_576));
        assert_eq!((config.shutdown_grace_ms, config.operation_timeout_ms), (0, 600_000));
    }

    #[test]
    fn an_empty_log_context_is_the_default() {
        let config =
            BrokerConfig::from_document(&doc! { "mongoUri": "memory://", "logContext": "" }).unwrap();
        assert_eq!(config.log_context, "ChangeStreamBroker");
    }

    #[test]
    fn says_how_to_give_a_missing_uri() {
        for document in [doc! {}, doc! { "mongoUri": null }, doc! { "mongoUri": "" }] {
            let expected =
                "mongoUri is missing: set it in defineBroker, e.g. from process.env.MONGODB_BROKER_URI";
            assert_eq!(problem(&document), expected);
        }
    }

    #[test]
    fn never_repeats_the_uri() {
        let secret = "root:hunter2";
        let bad = doc! { "mongoUri": format!("postgres://{secret}@h"), "database": format!("mongodb://{secret}@h") };
        let error = BrokerConfig::from_document(&bad).unwrap_err();
        assert!(error.message().contains("mongoUri begins with no known scheme"), "{error}");
        assert!(error.message().contains("database is a URI"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(
            problem(&doc! { "mongoUri": 5 }),
            "mongoUri is a number: give a text that begins with mongodb://, mongodb+srv:// or memory://"
        );
        let good =
            BrokerConfig::from_document(&doc! { "mongoUri": format!("mongodb://{secret}@h") }).unwrap();
        assert!(!format!("{good:?}").contains("hunter2"));
    }

    #[test]
    fn refuses_what_is_out_of_limits() {
        let bad: [(&str, Bson); 16] = [
            ("database", "".into()),
            ("database", "a.b".into()),
            ("database", "a b".into()),
            ("database", "x".repeat(64).into()),
            ("appName", "x".repeat(129).into()),
            ("maxRetries", 1001.into()),
            ("retryDelayMs", (-1).into()),
            ("heartbeatIntervalMs", 499.into()),
            ("autoCreateTopics", "true".into()),
            ("logLevel", "LOUD".into()),
            ("logContext", "x".repeat(201).into()),
            ("deliveryTimeoutMs", 99.into()),
            ("maxBufferedBytes", 1_048_575.into()),
            ("maxBufferedBytes", 1_073_741_825_i64.into()),
            ("shutdownGraceMs", 600_001.into()),
            ("operationTimeoutMs", 99.into()),
        ];
        for (field, bad) in bad {
            let mut document = doc! { "mongoUri": "mongodb://h" };
            document.insert(field, bad);
            let problem = problem(&document);
            assert!(problem.starts_with(&format!("{field} is ")) && problem.contains(": give "), "{problem}");
        }
    }
}
