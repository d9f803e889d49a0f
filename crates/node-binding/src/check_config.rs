//! Checks configurations without using them.

use bson::Document;
use csb_core::config::{BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig};
use csb_core::error::Result;
use napi::Env;
use napi_derive::napi;

use crate::bson_bytes::document;
use crate::js_error;

/// Checks a broker's configuration (BSON).
#[napi(catch_unwind)]
pub fn check_broker_config(env: &Env, config: &[u8]) -> napi::Result<()> {
    check(env, config, BrokerConfig::from_document)
}

/// Checks a topic's configuration (BSON).
#[napi(catch_unwind)]
pub fn check_topic_config(env: &Env, config: &[u8]) -> napi::Result<()> {
    check(env, config, TopicConfig::from_document)
}

/// Checks a producer's configuration (BSON).
#[napi(catch_unwind)]
pub fn check_producer_config(env: &Env, config: &[u8]) -> napi::Result<()> {
    check(env, config, ProducerConfig::from_document)
}

/// Checks a consumer's configuration (BSON).
#[napi(catch_unwind)]
pub fn check_consumer_config(env: &Env, config: &[u8]) -> napi::Result<()> {
    check(env, config, ConsumerConfig::from_document)
}

fn check<T>(env: &Env, config: &[u8], read: fn(&Document) -> Result<T>) -> napi::Result<()> {
    document(config).and_then(|config| read(&config)).map(drop).map_err(|error| js_error::to_js(env, &error))
}
