//! The engine as a whole, on both stores: what is sent is delivered, in order, once, whatever the pace.
#![expect(clippy::expect_used, reason = "what fails here has to fail the test")]

mod batches;
mod catch_up;
mod closing_in_handlers;
mod closing_in_time;
mod concurrency;
mod crashed_owners;
mod dead_letters;
mod delivery;
mod duplicates;
mod events;
mod expired;
mod failures;
mod feed_hand_over;
mod fencing;
mod finished_ahead;
mod groups;
mod handler_failures;
mod history;
mod lag;
mod leases;
mod letters;
mod lifecycle;
mod lost_position;
mod offset_reset;
mod process;
mod recovered_events;
mod redrive;
mod redrive_faults;
mod redrive_owners;
mod refusing_servers;
mod replay;
mod rolled_oplog;
mod scene;
mod slow_partition;
mod starting_places;
mod stopped_process;
mod stored_messages;
mod stubborn_store;
mod suspects;
mod time_limits;
mod unacknowledged;
mod unfenced_writers;

/// Runs a scenario on the embedded store and on a real replica set.
#[macro_export]
macro_rules! on_both_stores {
    ($($scenario:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario($crate::scene::Scene::in_memory().await).await;
            })*
        }
        mod mongo {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario($crate::scene::Scene::on_replica_set().await).await;
            })*
        }
    };
}

/// Runs a scenario in which the log of events is lost on the embedded store and on servers with a small oplog.
#[macro_export]
macro_rules! on_both_short_logs {
    ($($scenario:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario($crate::scene::Scene::in_memory().await).await;
            })*
        }
        mod mongo {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario($crate::scene::Scene::on_small_oplog().await).await;
            })*
        }
    };
}
