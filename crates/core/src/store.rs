//! The database behind the engine. Only `mongo` names the MongoDB client.

pub mod attempts_document;
pub mod contract;
pub mod dead_letter_contract;
pub mod dead_letter_document;
pub mod group_contract;
pub mod group_document;
pub mod memory;
pub mod mongo;
pub mod offset_document;
pub mod position_document;
pub mod transaction_contract;

use std::sync::Arc;
use std::time::Duration;

use contract::Store;

use crate::config::BrokerConfig;
use crate::error::Result;

/// The store that a broker's configuration names: MongoDB, or `memory://` for one in this process.
pub(crate) async fn open(config: &BrokerConfig) -> Result<Arc<dyn Store>> {
    if config.mongo_uri.is_memory() {
        let name = config.mongo_uri.as_str();
        return Ok(memory::MemoryStore::open(name, &config.database));
    }
    let settings = mongo::MongoSettings {
        uri: config.mongo_uri.as_str().to_owned(),
        database: config.database.clone(),
        app_name: config.app_name.clone(),
        operation_timeout: Duration::from_millis(config.operation_timeout_ms),
    };
    Ok(mongo::MongoStore::open(&settings).await?)
}
