use proptest::prelude::*;

use super::*;
use crate::feed::stream_token::ClusterTime;

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
    Position::Stream { after: StreamToken::parse(token).expect("a token") }
}

fn history(until: ClusterTime) -> Position {
    let finished = HistoryProgress::Stamped { after: ClusterTime { seconds: 5, increment: 1 } };
    Position::History(HistoryPosition { finished, until })
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
        Bson::from(doc! { "_data": "historical_665f1f77bcf86cd799439011" }),
        Bson::from(doc! { "_data": 5 }),
        Bson::from(doc! {}),
        Bson::from("historical_665f1f77bcf86cd799439011"),
    ] {
        let error = error_of(doc! { "offset": offset });
        assert_eq!(error.code(), ErrorCode::BadOffset);
        assert!(error.message().contains("group billing on orders[2]"), "{error}");
        assert!(error.message().contains("OffsetStorage.commitOffset"), "{error}");
        assert!(!error.message().contains("historical"), "{error}");
        assert_eq!(error.context().topic.as_deref(), Some("orders"));
    }
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
    for position in [history(time), Position::Stream { after: StreamToken::after(time) }] {
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
        proptest::option::of(id).prop_map(|after| HistoryProgress::Unstamped { after }),
        any_time().prop_map(|after| HistoryProgress::Stamped { after }),
    ];
    prop_oneof![
        token.prop_map(|after| Position::Stream { after }),
        (finished, any_time())
            .prop_map(|(finished, until)| Position::History(HistoryPosition { finished, until })),
    ]
}

proptest! {
    #[test]
    fn every_position_reads_back(
        position in any_position(), owner in proptest::option::of(".*"), epoch: i64, partition: u32,
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
