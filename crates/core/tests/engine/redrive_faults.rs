//! Redriven letters and a server that fails; letters whose time has come.

use std::sync::atomic::Ordering;

use bson::{Document, doc};
use csb_core::consumer::Consumer;
use csb_test_support::client_close;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use mongodb::Client;

use crate::handler_failures::{dead_letters, events_of};
use crate::letters::{all, count, failing, has, letters_of, once, redrive, until, with_letters};
use crate::scene::{GROUP, Scene, consumer, producer, send, subscribe_with};

async fn tell(set: &ReplicaSet, command: Document) {
    let client = Client::with_uri_str(set.uri()).await.expect("a valid connection string");
    client.database("admin").run_command(command).await.expect("is answered");
    client_close::close(client).await;
}

/// The server refuses a command so often. Not with a code after which the driver itself tries again.
async fn fail(set: &ReplicaSet, command: &str, times: i32) {
    const BAD_VALUE: i32 = 2;
    let data = doc! { "failCommands": [command], "errorCode": BAD_VALUE };
    tell(set, doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data }).await;
}

/// Whether it cannot be looked for, taken, removed, or stored as failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_settled_as_soon_as_the_server_lets_it() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let scene = Scene::on(&set).await;
    let broker = scene.broker().await;
    let (member, fails, handler) = with_letters(&broker, 1, |_| true).await;
    let (letters, numbers) = (member.dead_letters(), producer(&broker, 1).await);
    for (n, command) in (0..).zip(["aggregate", "findAndModify", "delete"]) {
        fails.store(false, Ordering::SeqCst);
        redrive_while_failing(&set, &member, command).await;
        handler.wait_for("the letter", |seen| seen.numbers_of(0).last() == Some(&n)).await;
        has(&letters, 0).await;
        assert_eq!(handler.recorded().numbers_of(0), (0..=n).collect::<Vec<_>>(), "each once");
        fails.store(true, Ordering::SeqCst);
        send(&numbers, n + 1..n + 2).await;
        has(&letters, 1).await;
    }
    redrive_while_failing(&set, &member, "update").await;
    until("the redrive fails", || async { count(&letters, doc! { "redriving": false }).await == 1 }).await;
    let failed = all(&letters).await.remove(0);
    assert_eq!((failed.redrives, failed.attempts), (1, 2));
    broker.disconnect(true).await;
    set.stop();
}

async fn redrive_while_failing(set: &ReplicaSet, member: &Consumer, command: &str) {
    member.pause();
    assert_eq!(redrive(&member.dead_letters(), doc! {}).await, 1);
    // What the member has still to store about its own messages must not use the failures up.
    member.commit_offsets().await.expect("commits");
    fail(set, command, 3).await;
    member.resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_deletes_letters_whose_time_has_come() {
    let set_parameters = vec![("ttlMonitorSleepSecs".to_owned(), "1".to_owned())];
    let set = ReplicaSet::start(ReplicaSetOptions { set_parameters, ..ReplicaSetOptions::default() }).await;
    let scene = Scene::on(&set).await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (_, handler) = failing(|_| true);
    let member = consumer(&broker, doc! { "deadLetterRetentionMs": 1000 });
    let events = events_of(&member);
    subscribe_with(&member, &handler, once()).await;
    send(&numbers, 0..2).await;
    until("both numbers are given up", || async { dead_letters(&events).len() == 2 }).await;
    let letters = letters_of(&broker, GROUP);
    until("the letters expire", || async { count(&letters, doc! {}).await == 0 }).await;
    broker.disconnect(true).await;
    set.stop();
}
