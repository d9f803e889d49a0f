//! Sends that get no answer from the server before the broker is disconnected.

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::config::BrokerConfig;
use csb_core::error_code::{Effect, ErrorCode};
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use csb_core::store::memory::MemoryStore;
use csb_test_support::faulty_store::{FaultRates, Faults, FaultyStore};
use csb_test_support::seeded_random::SeededRandom;

use crate::scene::{part, producer};

/// A broker on a store that does what the faults say.
async fn broker_with_faults(name: &str, more: Document) -> (Broker, Faults) {
    let faults = Faults::new(SeededRandom::new(1), FaultRates::CALM);
    let server = TaskGroup::new(Logger::silent());
    let store = FaultyStore::new(
        MemoryStore::open(name, "engine"),
        faults.clone(),
        Arc::new(move |call| server.spawn("server call", call)),
    );
    let mut config = doc! { "mongoUri": format!("memory://{name}"), "autoCreateTopics": true };
    config.extend(more);
    let broker = Broker::with_store(BrokerConfig::from_document(&config).expect("valid"), store, None);
    broker.connect().await.expect("connected");
    (broker, faults)
}

/// Those that were sent shortly before the server is back have most of their time left.
#[tokio::test(start_paused = true)]
async fn a_message_is_not_given_up_because_an_earlier_one_is() {
    let (broker, faults) = broker_with_faults("given_up", doc! { "deliveryTimeoutMs": 10_000 }).await;
    let numbers = producer(&broker, 1).await;
    faults.set_rates(FaultRates { refused: 1000, ..FaultRates::CALM });
    let being_tried = numbers.send(&[&part(0..1)]);
    clock::sleep(Duration::from_secs(2)).await;
    let early = numbers.send(&[&part(1..2)]);
    clock::sleep(Duration::from_secs(7)).await;
    let late = numbers.send(&[&part(2..3)]);
    for given_up in [being_tried, early] {
        let error = given_up.await.expect_err("nothing was reached in time");
        assert_eq!((error.code(), error.effect()), (ErrorCode::Unavailable, Effect::None));
    }
    faults.set_rates(FaultRates::CALM);
    late.await.expect("there is time enough");
    broker.disconnect(true).await;
}

/// Also then the broker is not disconnected before it is done.
#[tokio::test(start_paused = true)]
async fn an_atomic_send_is_waited_for_at_a_disconnect() {
    let (broker, faults) = broker_with_faults("atomic", doc! {}).await;
    let numbers = producer(&broker, 2).await;
    faults.set_rates(FaultRates { slow: 1000, slow_ms: 3000, ..FaultRates::CALM });
    let sending = numbers.send_together(&[&part(0..10)]);
    broker.disconnect(true).await;
    sending.await.expect("stored before the end");
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_at_the_end_of_the_grace_period_is_not_acknowledged() {
    let (broker, faults) = broker_with_faults("unacknowledged", doc! { "shutdownGraceMs": 50 }).await;
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
