//! Order within a partition and within a key.

use super::story::Story;
use crate::history::{Expectations, Finding, Happening, Order};

fn overtaken(earlier: &str, later: &str) -> Finding {
    Finding::Overtaken { partition: 0, earlier: earlier.into(), later: later.into() }
}

fn went_back(from: &str, to: &str) -> Finding {
    let (from, to) = (from.into(), to.into());
    Finding::WentBack { member: "c".into(), partition: 0, from, to }
}

/// Sent at the same time: no order among them is known.
fn together(values: &[&str]) -> Story {
    let begun =
        values.iter().fold(Story::default(), |story, value| story.begins_send(value, value, Some("k")));
    values.iter().fold(begun, |story, value| story.acknowledged(value))
}

#[test]
fn the_next_message_waits_until_the_one_before_is_finished() {
    let at_once = together(&["a", "b"]).began("c", "a").began("c", "b").ok("c", "b").ok("c", "a");
    assert_eq!(at_once.findings(), [overtaken("a", "b")]);
    let before_its_retry = together(&["a", "b"]).tried("c", "a", 1..=1).handled("c", &["b", "a"]);
    assert!(before_its_retry.findings().contains(&overtaken("a", "b")));
    let after_a_crash = together(&["a", "b"]).began("c", "a").killed("c").handled("d", &["b", "a"]);
    assert!(after_a_crash.findings().contains(&overtaken("a", "b")));
    let never_again = together(&["a", "b"]).began("c", "a").killed("c").handled("d", &["b"]);
    assert!(never_again.findings().contains(&overtaken("a", "b")));

    together(&["a", "b"]).tried("c", "a", 1..=1).handled("c", &["a", "b"]).clean();
    together(&["a", "b"]).began("c", "a").killed("c").handled("d", &["a", "b"]).clean();
}

#[test]
fn a_dead_letter_may_be_told_late() {
    let story = together(&["a", "b"]).tried("c", "a", 1..=1).killed("c").handled("d", &["b"]);
    let expected = Expectations { dead_letters: Some(["a".to_owned()].into()), ..Expectations::default() };
    story.buried("observer", "a").clean_by(expected);
}

#[test]
fn first_deliveries_follow_the_stream() {
    let story = together(&["a", "b", "x"]).at("c", "a", "8201").at("c", "b", "8203");
    let finding = Finding::StreamOrder { partition: 0, earlier: "b".into(), later: "x".into() };
    assert_eq!(story.clone().at("c", "x", "8202").findings(), [finding]);
    story.clone().at("c", "x", "8204").clean();
    // What was read from the stored history has no place.
    story.handled("c", &["x"]).clean();
}

#[test]
fn a_message_has_one_place() {
    let story = together(&["a"]).began_as("c", "a", 1, Some("8201"), false).killed("c");
    let finding = Finding::TwoTokens { value: "a".into(), first: "8201".into(), second: "8202".into() };
    assert!(story.clone().at("d", "a", "8202").findings().contains(&finding));
    story.at("d", "a", "8201").clean();
}

#[test]
fn a_member_goes_back_only_when_it_begins_anew() {
    let story = together(&["a", "b"]).handled("c", &["a", "b"]);
    let back = story.clone().killed("c").handled("d", &["a", "b"]);
    assert_eq!(back.clean().duplicates, 2);
    let zigzag = story.clone().killed("c").tell("c", Happening::MemberStarted).handled("c", &["b", "a"]);
    assert_eq!(zigzag.findings(), [went_back("b", "a")]);
    assert!(story.clone().handled("c", &["a"]).findings().contains(&went_back("b", "a")));
    // Subscribed anew without a crash: doubled, but not out of order.
    let anew = story.tell("c", Happening::Subscribed).handled("c", &["a"]).findings();
    assert!(matches!(anew[..], [Finding::Duplicate { .. }]), "{anew:?}");
}

#[test]
fn with_concurrency_order_is_by_key() {
    let two_keys = Story::default().begins_send("p", "a", Some("1")).begins_send("p", "b", Some("2"));
    let story = two_keys.acknowledged("a").acknowledged("b").began("c", "a").began("c", "b");
    let story = story.ok("c", "b").ok("c", "a");
    let by_key = || Expectations { order: Order::Key, ..Expectations::default() };
    story.clean_by(by_key());
    assert_eq!(story.findings(), [overtaken("a", "b")]);
    let one_key = together(&["a", "b"]).began("c", "a").began("c", "b").ok("c", "a").ok("c", "b");
    assert_eq!(one_key.findings_by(by_key()), [overtaken("a", "b")]);
}

#[test]
fn keys_keep_the_order_of_sends() {
    let finding = Finding::KeyOrder { key: "k".into(), earlier: "a".into(), later: "b".into() };
    // Acknowledged before the other one began, whoever sent it.
    let story = Story::default().begins_send("p", "a", Some("k")).acknowledged("a");
    let story = story.begins_send("q", "b", Some("k")).acknowledged("b");
    assert_eq!(story.clone().handled("c", &["b", "a"]).findings(), std::slice::from_ref(&finding));
    story.handled("c", &["a", "b"]).clean();
    // Under way together, from one process.
    let story = Story::default().sends("a").sends("b").acknowledged("b");
    let wrong = story.clone().handled("c", &["b", "a"]);
    assert_eq!(wrong.clone().acknowledged("a").findings(), [finding]);
    wrong.clone().unknown("a").clean();
    story.acknowledged("a").handled("c", &["a", "b"]).clean();
    // Under way together, from two; or without a key.
    together(&["a", "b"]).handled("c", &["b", "a"]).clean();
    let keyless = Story::default().begins_send("p", "a", None).acknowledged("a").begins_send("p", "b", None);
    keyless.acknowledged("b").handled("c", &["b", "a"]).clean();
}
