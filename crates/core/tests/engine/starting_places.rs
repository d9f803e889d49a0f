//! Where a group begins when its offset is missing, from elsewhere, or from 1.4.2: nothing is passed over silently.

use bson::doc;
use csb_core::consumer::position::Position;
use csb_core::feed::stream_token::{ClusterTime, StreamToken};
use csb_test_support::recording_handler::{Received, RecordingHandler};

use crate::duplicates::{Handled, wait_for_all};
use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};
use crate::stored_messages::{stamped, store_all, written_by_1_4_2};

on_both_stores!(
    a_position_of_the_future_delivers_everything_in_doubt,
    a_copy_of_the_messages_is_delivered_in_doubt,
    an_offset_deleted_while_running_is_stored_again,
    an_offset_deleted_while_buried_is_stored_again,
    an_offset_deleted_at_rest_begins_with_the_group,
    a_partition_new_to_the_group_begins_with_the_group,
    a_second_member_of_a_new_group_begins_with_the_first,
    a_new_group_begins_now_in_every_partition,
);

fn doubtful(messages: &[Received]) -> Vec<i64> {
    let mut numbers: Vec<_> =
        messages.iter().filter(|message| message.possible_duplicate).map(|message| message.n).collect();
    numbers.sort_unstable();
    numbers
}

async fn a_position_of_the_future_delivers_everything_in_doubt(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    send(&numbers, 0..10).await;
    let now = scene.store.cluster_time().await.expect("a time");
    let tomorrow = ClusterTime { seconds: now.seconds + 86_400, increment: 1 };
    scene.write_offset(0, StreamToken::after(tomorrow).as_str()).await;

    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    assert!(matches!(scene.position(0).await, Some(Position::History(_))), "it must not be believed later");
    wait_for_all(&handler, 0..10).await;
    send(&numbers, 10..20).await;
    let recorded = wait_for_all(&handler, 0..20).await;
    assert_eq!(recorded.numbers_of(0), (0..20).collect::<Vec<_>>());
    assert_eq!(doubtful(&recorded.handled), (0..10).collect::<Vec<_>>());
    reader.unsubscribe(true).await;

    let again = RecordingHandler::accepting();
    subscribe(&reader, &again).await;
    send(&numbers, 20..22).await;
    assert_eq!(again.wait_for_handled(2).await.numbers_of(0), [20, 21]);
    broker.disconnect(true).await;
    scene.end().await;
}

/// A backup that was restored into another deployment, with the offsets: the stream there shows every message as if it
/// was sent then.
async fn a_copy_of_the_messages_is_delivered_in_doubt(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    store_all(scene.store.as_ref(), (0..5).map(|n| stamped(n, 3000))).await;
    store_all(scene.store.as_ref(), (5..10).map(|n| written_by_1_4_2(n, 3000))).await;
    let now = scene.store.cluster_time().await.expect("a time");
    scene.write_offset(0, StreamToken::after(now.minus_seconds(2900)).as_str()).await;
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    send(&numbers, 10..20).await;
    let recorded = wait_for_all(&handler, 0..20).await;
    assert_eq!(recorded.numbers_of(0), (0..20).collect::<Vec<_>>());
    assert_eq!(doubtful(&recorded.handled), (0..10).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn an_offset_deleted_while_running_is_stored_again(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    send(&numbers, 0..10).await;
    handler.wait_for_handled(10).await;
    scene.delete_offset(0).await;
    send(&numbers, 10..20).await;
    handler.wait_for_handled(20).await;
    reader.unsubscribe(true).await;
    assert!(handler.recorded().consumer_errors.is_empty());
    assert!(scene.position(0).await.is_some());

    let again = RecordingHandler::accepting();
    subscribe(&reader, &again).await;
    send(&numbers, 20..30).await;
    wait_for_all(&again, 20..30).await;
    Handled::by([&handler.recorded(), &again.recorded()]).covers(0..30).has_once(0..30);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn an_offset_deleted_while_buried_is_stored_again(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received| async move {
        if received.n == 5 {
            let message = "no".to_owned();
            return Err(csb_core::dead_letter::HandlerError {
                name: "TypeError".to_owned(),
                message,
                stack: None,
            });
        }
        Ok(())
    });
    let reader = consumer(&broker, doc! { "maxRetries": 0 });
    subscribe(&reader, &handler).await;
    reader.pause();
    scene.delete_offset(0).await;
    send(&numbers, [5]).await;
    reader.resume();
    handler.wait_for("the failure", |seen| !seen.failed.is_empty()).await;
    send(&numbers, [6]).await;
    handler.wait_for_handled(1).await;
    reader.unsubscribe(true).await;
    assert!(handler.recorded().consumer_errors.is_empty());
    let stats = scene.store.retention_stats().await.expect("readable");
    let letters =
        stats.iter().find(|stats| stats.collection == "dead_letters").map(|stats| stats.document_count);
    assert_eq!(letters, Some(1));
    assert!(scene.position(0).await.is_some());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn an_offset_deleted_at_rest_begins_with_the_group(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    send(&numbers, 0..10).await;
    let before = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &before).await;
    send(&numbers, 10..20).await;
    before.wait_for_handled(10).await;
    reader.unsubscribe(true).await;
    scene.delete_offset(1).await;
    send(&numbers, 20..30).await;

    let after = RecordingHandler::accepting();
    subscribe(&reader, &after).await;
    wait_for_all(&after, 20..30).await;
    send(&numbers, 30..40).await;
    let after = wait_for_all(&after, 20..40).await;
    Handled::by([&before.recorded(), &after]).covers(10..40).has_once(30..40);
    let of_the_other = after.handled.iter().filter(|message| message.partition == 0);
    assert!(
        of_the_other.clone().count() == 10 && of_the_other.clone().all(|message| !message.possible_duplicate)
    );
    assert!(after.numbers_of(1).is_sorted() && after.numbers_of(1).len() == 15, "{:?}", after.numbers_of(1));
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_partition_new_to_the_group_begins_with_the_group(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let before = RecordingHandler::accepting();
    // It is to be gone before somebody reads the new ones.
    let reader = consumer(&broker, doc! { "partitions": [0] });
    subscribe(&reader, &before).await;
    send(&numbers, 0..5).await;
    before.wait_for_handled(5).await;
    let grown = producer(&broker, 3).await;
    send(&grown, 5..20).await;
    before.wait_for_handled(10).await;
    reader.unsubscribe(true).await;

    let after = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &after).await;
    let sent_meanwhile = after.wait_for_handled(10).await;
    Handled::by([&before.recorded(), &sent_meanwhile]).covers(0..20);
    assert!(sent_meanwhile.handled.iter().all(|message| message.partition != 0));
    broker.disconnect(true).await;
    scene.end().await;
}

/// Each consumer reads partitions of its own. What was sent before the group began is nobody's.
async fn a_second_member_of_a_new_group_begins_with_the_first(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    send(&numbers, 0..10).await;
    let first = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "partitions": [0] }), &first).await;
    send(&numbers, 10..20).await;
    let second = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "partitions": [1] }), &second).await;
    send(&numbers, 20..30).await;
    let (first, second) = (first.wait_for_handled(10).await, second.wait_for_handled(10).await);
    Handled::by([&first, &second]).covers(10..30).has_once(20..30);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_new_group_begins_now_in_every_partition(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 12).await;
    send(&numbers, 0..120).await;
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    send(&numbers, 120..240).await;
    let recorded = wait_for_all(&handler, 120..240).await;
    Handled::by([&recorded]).covers(120..240).has_once(120..240);
    broker.disconnect(true).await;
    scene.end().await;
}
