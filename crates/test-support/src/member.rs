//! A process that produces or consumes and writes its history to standard output, to be killed and frozen by tests.
//!
//! It takes one argument, its [`MemberConfig`] as JSON. Each line is written whole and at once, before what it claims
//! has an effect elsewhere, so that a kill leaves no more undone than the last line says. Orders come as lines on
//! standard input; when that ends, whoever gave them is gone and the process ends at once.

mod config;
mod consuming;
mod history_writer;
mod orders;
mod producing;
mod writing_handler;

use csb_core::broker::Broker;
use csb_core::config::BrokerConfig;

pub use config::{ConsumerRole, MemberConfig, ProducerRole, Role};
pub use history_writer::{HistoryWriter, LONGEST_LINE};
pub use orders::Order;

use crate::history::Happening;

/// Runs until the member has closed.
///
/// Fails with what it could not do; nothing is retried.
pub async fn run(config: MemberConfig) -> Result<(), String> {
    let history = HistoryWriter::on_standard_output(&config.member)?;
    let orders = orders::from_standard_input()?;
    history.write(Happening::MemberStarted)?;
    let broker_config = BrokerConfig::from_document(&config.broker).map_err(|error| error.to_string())?;
    let broker = Broker::new(broker_config, None);
    broker.connect().await.map_err(|error| format!("{error:?}"))?;
    match config.role {
        Role::Producer(role) => producing::run(&broker, role, &history, orders).await?,
        Role::Consumer(role) => consuming::run(&broker, role, &history, orders).await?,
    }
    broker.disconnect(true).await;
    history.write(Happening::MemberEnded)
}
