//! The pure parts that every message passes, each alone: `npm run benchmark:parts`.
//!
//! What a whole send or delivery costs is measured by `npm run benchmark`; this shows which part has become slower.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has nothing to say")]

use bson::{DateTime, RawBson, RawDocumentBuf, Timestamp, rawdoc};
use csb_core::config::PartitionStrategy;
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::consumer::position::Position;
use csb_core::consumer::record_handler::DeliveredMessage;
use csb_core::consumer::watermark::Watermark;
use csb_core::feed::stream_token::{ClusterTime, StreamToken};
use csb_core::partition::partitioner::Partitioner;
use csb_core::record::delivery_bytes::DeliveryBytes;
use csb_core::record::{message, record_layout};
use divan::Bencher;
use divan::counter::ItemsCount;

const MESSAGES: usize = 1000;

fn main() {
    divan::main();
}

/// About 300 bytes, as services have them.
fn payload(number: i32) -> RawDocumentBuf {
    rawdoc! {
        "customer": { "id": format!("customer-{number}"), "authUserId": "a3b1c2d4" },
        "product": { "id": "product-7", "title": "Domain-Driven Design", "slug": "domain-driven-design" },
        "n": number,
        "filler": "x".repeat(110),
    }
}

/// Messages as they cross from JavaScript.
fn sent() -> RawDocumentBuf {
    let entry = |number| {
        RawBson::Document(
            rawdoc! { "v": payload(number), "k": format!("customer-{number}"), "t": DateTime::from_millis(5) },
        )
    };
    rawdoc! { "m": (0..1000).map(entry).collect::<bson::RawArrayBuf>() }
}

fn stored(extra: Option<DateTime>) -> RawDocumentBuf {
    let mut document = rawdoc! { "_id": bson::oid::ObjectId::from_bytes([7; 12]) };
    for element in &payload(7) {
        let (name, value) = element.expect("valid");
        document.append(name, value);
    }
    if let Some(date) = extra {
        document.append(bson::cstr!("at"), date);
    }
    document.append(bson::cstr!("_headers"), rawdoc! {});
    document.append(bson::cstr!("_timestamp"), DateTime::from_millis(5));
    document.append(bson::cstr!("_key"), "customer-7");
    document.append(bson::cstr!("_partition"), 0);
    document.append(bson::cstr!("_ts"), Timestamp { time: 9, increment: 1 });
    document
}

fn token(increment: u32) -> StreamToken {
    StreamToken::after(ClusterTime { seconds: 9, increment })
}

#[divan::bench]
fn messages_are_read_and_laid_out(bencher: Bencher) {
    let sent = sent();
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        let parsed = message::parse_messages(&sent, 0, 5).expect("valid");
        parsed
            .iter()
            .map(|parts| record_layout::encode(&parts.message, 0).expect("fits").as_bytes().len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn partitions_are_chosen_by_key(bencher: Bencher) {
    let partitioner = Partitioner::new(PartitionStrategy::Hash, 64);
    let keys: Vec<String> = (0..MESSAGES).map(|number| format!("customer-{number}")).collect();
    let value = RawBson::Null;
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        keys.iter().map(|key| partitioner.choose(Some(key), None, value.as_raw_bson_ref())).max()
    });
}

#[divan::bench(args = [false, true])]
fn a_delivery_is_written(bencher: Bencher, has_date: bool) {
    let stored = stored(has_date.then_some(DateTime::from_millis(5)));
    let token = token(1);
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        let mut delivery = DeliveryBytes::new(0, 5);
        for _ in 0..MESSAGES {
            delivery.push(&DeliveredMessage {
                token: Some(&token),
                stored: record_layout::decode(&stored).expect("valid"),
                attempt: 1,
                possible_duplicate: false,
                redriven: false,
            });
        }
        delivery.finish().len()
    });
}

#[divan::bench(args = ["in order", "backwards"])]
fn the_watermark_moves(bencher: Bencher, order: &str) {
    let stored = stored(None);
    let places: Vec<Position> = (1..=1000).map(|increment| Position::behind(token(increment))).collect();
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        let begun = Checkpoint { position: Position::behind(token(0)), finished_ahead: Vec::new() };
        let mut watermark = Watermark::new(begun);
        let mut numbers: Vec<u64> =
            places.iter().map(|after| watermark.push(after.clone(), &stored).number).collect();
        if order == "backwards" {
            numbers.reverse();
        }
        for number in numbers {
            watermark.finish(number, &stored);
        }
        watermark.checkpoint()
    });
}
