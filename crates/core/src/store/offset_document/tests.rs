use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::consumer::position::{HistoryPosition, HistoryProgress, StreamPosition};
use crate::feed::stream_token::StreamToken;

const EARLY: &str = "826B04662D000000092B022C0100296E5A10049AE1AFE2C49B4CE8AB8F28C84301D9C6";
const LATE: &str = "826B04662E000000012B022C0100296E5A10049AE1AFE2C49B4CE8AB8F28C84301D9C6";

fn key() -> OffsetKey {
    OffsetKey { group_id: "billing".into(), topic: "orders".into(), partition: 2 }
}

fn stored(fields: Document) -> Document {
    let mut document = key_fields(&key());
    document.extend(fields);
    document
}

fn after(token: &str) -> Position {
    Position::behind(StreamToken::parse(token).expect("a token"))
}

fn history(until: ClusterTime) -> Position {
    let finished = HistoryProgress::Stamped { after: ClusterTime { seconds: 5, increment: 1 } };
    Position::History(HistoryPosition { finished, until, ..nothing_read() })
}

fn nothing_read() -> HistoryPosition {
    HistoryPosition {
        behind: ClusterTime::default(),
        finished: HistoryProgress::Unstamped { after: None },
        until: ClusterTime::default(),
        snapshot: false,
        doubtful_until: None,
    }
}

fn position_of(fields: Document) -> Option<Position> {
    decode(&stored(fields)).expect("decodes").position
}

fn error_of(fields: Document) -> Error {
    decode(&stored(fields)).expect_err("is refused")
}

#[test]
fn reads_what_1_4_2_wrote() {
    let document = doc! {
        "groupId": "billing", "topic": "orders", "partition": 2.0,
        "offset": { "_data": EARLY }, "timestamp": DateTime::from_millis(7), "createdAt": DateTime::from_millis(3),
    };
    let offset = decode(&document).expect("decodes");
    assert_eq!((offset.key, offset.position), (key(), Some(after(EARLY))));
    assert_eq!((offset.owner, offset.epoch), (None, 0));
    let record = decode_record(&document).expect("decodes");
    assert_eq!(record.offset, Bson::from(doc! { "_data": EARLY }));
    assert_eq!(record.timestamp, DateTime::from_millis(7));
}

#[test]
fn nothing_committed_is_no_position() {
    assert_eq!(position_of(doc! {}), None);
    assert_eq!(position_of(doc! { "offset": null, "position": null, "owner": null }), None);
}

#[test]
fn an_offset_that_is_no_token_is_refused_and_named_without_its_value() {
    for offset in [
        Bson::from(doc! { "_data": "rubbish" }),
        Bson::from(doc! { "_data": 5 }),
        Bson::from(doc! {}),
        Bson::from("historical_665f1f77bcf86cd799439011"),
    ] {
        let error = error_of(doc! { "offset": offset });
        assert_eq!(error.code(), ErrorCode::BadOffset);
        assert!(error.message().contains("group billing on orders[2]"), "{error}");
        assert!(error.message().contains("OffsetStorage.commitOffset"), "{error}");
        assert!(!error.message().contains("rubbish") && !error.message().contains("historical"), "{error}");
        assert_eq!(error.context().topic.as_deref(), Some("orders"));
    }
}

#[test]
fn what_1_4_2_read_with_from_beginning_is_gone_on_from() {
    let id = "665f1f770000000000000000";
    let seconds = 0x665f_1f77;
    let time = |seconds| ClusterTime { seconds, increment: 0 };
    let position = position_of(doc! { "offset": { "_data": format!("historical_{id}") } });
    let (behind, doubtful_until) = (time(seconds - 600), Some(time(seconds + 600)));
    let expected = HistoryPosition { behind, until: behind, doubtful_until, ..nothing_read() };
    assert_eq!(position, Some(Position::History(expected)));

    let of_another_kind = position_of(doc! { "offset": { "_data": "historical_order-17" } });
    let expected = HistoryPosition { doubtful_until: Some(time(u32::MAX)), ..nothing_read() };
    assert_eq!(of_another_kind, Some(Position::History(expected)));
}

#[test]
fn a_birth_is_of_what_has_begun() {
    let at = Timestamp { time: 7000, increment: 3 };
    assert_eq!(birth(&stored(doc! { "bornAt": at, "offset": null })), None);
    let begun = doc! { "bornAt": at, "offset": null, "position": { "token": EARLY } };
    assert_eq!(birth(&stored(begun)), Some(ClusterTime { seconds: 7000, increment: 3 }));
    let by_1_4_2 = doc! { "offset": { "_data": EARLY }, "createdAt": DateTime::from_millis(7_000_500) };
    assert_eq!(birth(&stored(by_1_4_2)), Some(ClusterTime { seconds: 6400, increment: 0 }));
    assert_eq!(birth(&stored(doc! { "offset": { "_data": EARLY } })), Some(ClusterTime::default()));
}

#[test]
fn a_restored_document_holds_the_claim() {
    let claim = Claim { key: key(), owner: "a".into(), epoch: 4, revision: 1 };
    let checkpoint = Checkpoint { position: after(LATE), finished_ahead: vec![7.into()] };
    let offset = decode(&restored(&claim, &checkpoint, DateTime::from_millis(5))).expect("decodes");
    assert_eq!((offset.owner.as_deref(), offset.epoch, offset.unclean_ends), (Some("a"), 4, 0));
    assert_eq!((offset.position, offset.finished_ahead), (Some(after(LATE)), vec![7.into()]));
}

#[test]
fn the_later_of_both_versions_wins() {
    let both = |offset, position: Position| {
        let position = position_fields(&position).get("position").cloned();
        position_of(doc! { "offset": { "_data": offset }, "position": position })
    };
    assert_eq!(both(EARLY, after(LATE)), Some(after(LATE)));
    assert_eq!(both(LATE, after(EARLY)), Some(after(LATE)));
    assert_eq!(both("historical_1", after(EARLY)), Some(after(EARLY)));

    let time = StreamToken::parse(LATE).expect("a token").cluster_time();
    assert_eq!(both(LATE, history(time)), Some(history(time)));
    assert_eq!(both(EARLY, history(time)), Some(history(time)));
    assert_eq!(both(LATE, history(time.minus_seconds(1))), Some(after(LATE)));
}

#[test]
fn only_a_token_of_the_server_is_shown_to_1_4_2() {
    assert_eq!(position_fields(&after(LATE)).get("offset"), Some(&Bson::from(doc! { "_data": LATE })));
    let time = ClusterTime { seconds: 5, increment: 1 };
    for position in [history(time), Position::behind(StreamToken::after(time))] {
        assert_eq!(position_fields(&position).get("offset"), Some(&Bson::Null));
    }
}

#[test]
fn reads_numbers_of_every_width_and_refuses_others() {
    for epoch in [Bson::Int32(7), Bson::Int64(7), Bson::Double(7.0)] {
        assert_eq!(decode(&stored(doc! { "epoch": epoch })).expect("decodes").epoch, 7);
    }
    for epoch in [Bson::Double(7.5), Bson::Double(f64::NAN), Bson::Double(1e300), Bson::from("7")] {
        assert_eq!(error_of(doc! { "epoch": epoch }).code(), ErrorCode::BadOffset);
    }
}

#[test]
fn refuses_damaged_documents() {
    let until = Timestamp { time: 9, increment: 1 };
    for fields in [
        doc! { "owner": 5 },
        doc! { "position": "82" },
        doc! { "position": { "token": "historical_1" } },
        doc! { "position": { "history": { "stage": "unstamped", "after": null } } },
        doc! { "position": { "history": { "stage": "stamped", "after": null }, "until": until } },
        doc! { "position": { "history": { "stage": "unknown", "after": null }, "until": until } },
        doc! { "position": { "history": { "stage": "unstamped", "after": null }, "until": until, "behind": 5 } },
        doc! { "position": { "history": { "stage": "unstamped", "after": null }, "until": until, "snapshot": 1 } },
        doc! { "position": { "token": EARLY, "historyUntil": "now" } },
    ] {
        let text = fields.to_string();
        assert_eq!(error_of(fields).code(), ErrorCode::BadOffset, "{text}");
    }
    for document in [doc! {}, doc! { "groupId": "g", "topic": "t", "partition": -1 }] {
        assert_eq!(decode(&document).expect_err("no key").code(), ErrorCode::BadOffset);
        assert_eq!(decode_record(&document).expect_err("no key").code(), ErrorCode::BadOffset);
    }
}

#[test]
fn a_record_without_dates_is_the_oldest() {
    let record = |fields| decode_record(&stored(fields)).expect("decodes");
    assert_eq!(record(doc! { "createdAt": DateTime::from_millis(3) }).timestamp, DateTime::from_millis(3));
    assert_eq!(record(doc! {}).timestamp, DateTime::from_millis(0));
    assert_eq!(record(doc! {}).offset, Bson::Null);
}

#[test]
fn record_fields_read_back() {
    let record = OffsetRecord {
        key: key(),
        offset: Bson::from(doc! { "_data": EARLY }),
        timestamp: DateTime::from_millis(11),
    };
    assert_eq!(decode_record(&record_fields(&record)).expect("decodes"), record);
}

fn any_time() -> impl Strategy<Value = ClusterTime> {
    (any::<u32>(), any::<u32>()).prop_map(|(seconds, increment)| ClusterTime { seconds, increment })
}

fn any_position() -> impl Strategy<Value = Position> {
    let token = prop_oneof![
        any_time().prop_map(StreamToken::after),
        (any_time(), "[0-9A-F]{12,60}").prop_map(|(time, rest)| {
            let data = format!("82{:08X}{:08X}2B{rest}", time.seconds, time.increment);
            StreamToken::parse(&data).expect("a token")
        }),
    ];
    let id = prop_oneof![
        any::<i32>().prop_map(Bson::Int32),
        ".*".prop_map(Bson::String),
        any::<[u8; 12]>().prop_map(Bson::from),
        any::<i64>().prop_map(|n| Bson::from(doc! { "n": n })),
    ];
    let finished = prop_oneof![
        option::of(id).prop_map(|after| HistoryProgress::Unstamped { after }),
        any_time().prop_map(|after| HistoryProgress::Stamped { after }),
    ];
    prop_oneof![
        (token, option::of(any_time()), option::of(any_time())).prop_map(
            |(after, history_until, doubtful_until)| {
                Position::Stream(StreamPosition { after, history_until, doubtful_until })
            }
        ),
        (any_time(), finished, any_time(), any::<bool>(), option::of(any_time())).prop_map(
            |(behind, finished, until, snapshot, doubtful_until)| {
                Position::History(HistoryPosition { behind, finished, until, snapshot, doubtful_until })
            }
        ),
    ]
}

proptest! {
    #[test]
    fn every_position_reads_back(
        position in any_position(), owner in option::of(".*"), epoch: i64, partition: u32,
    ) {
        let key = OffsetKey { partition, ..key() };
        let mut document = key_fields(&key);
        document.extend(position_fields(&position));
        document.extend(doc! { "owner": owner.clone(), "epoch": epoch });
        let bytes = document.to_vec().expect("encodes");
        let offset = decode(&Document::from_reader(bytes.as_slice()).expect("reads")).expect("decodes");
        prop_assert_eq!((offset.key, offset.position), (key, Some(position)));
        prop_assert_eq!((offset.owner, offset.epoch), (owner, epoch));
    }
}
