//! Sends that get no answer from the server before the broker is disconnected.

use std::sync::Arc;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::config::BrokerConfig;
use csb_core::error_code::{Effect, ErrorCode};
use csb_core::observe::log::Logger;
use csb_core::runtime::task_group::TaskGroup;
use csb_core::store::memory::MemoryStore;
use csb_test_support::faulty_store::{FaultRates, Faults, FaultyStore};
use csb_test_support::seeded_random::SeededRandom;

use crate::scene::{part, producer};

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_at_the_end_of_the_grace_period_is_not_acknowledged() {
    let faults = Faults::new(SeededRandom::new(1), FaultRates::CALM);
    let server = TaskGroup::new(Logger::silent());
    let store = FaultyStore::new(
        MemoryStore::open("unacknowledged", "engine"),
        faults.clone(),
        Arc::new(move |call| server.spawn("server call", call)),
    );
    let config =
        doc! { "mongoUri": "memory://unacknowledged", "autoCreateTopics": true, "shutdownGraceMs": 50 };
    let broker = Broker::with_store(BrokerConfig::from_document(&config).expect("valid"), store, None);
    broker.connect().await.expect("connected");
    let numbers = producer(&broker, 1).await;

    faults.set_rates(FaultRates { late: 1000, ..FaultRates::CALM });
    let being_written = numbers.send(&[&part(0..1)]);
    tokio::task::yield_now().await;
    let queued = numbers.send(&[&part(1..2)]);
    broker.disconnect(true).await;

    let being_written = being_written.await.expect_err("nobody answered");
    assert_eq!((being_written.code(), being_written.effect()), (ErrorCode::Closed, Effect::Possible));
    // While the producer is still held: nothing waits for its end.
    let queued = queued.await.expect_err("never written");
    assert_eq!((queued.code(), queued.effect()), (ErrorCode::Closed, Effect::None));
    drop(numbers);
}
