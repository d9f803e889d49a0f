//! One member at a time.

use super::story::Story;
use crate::history::{Finding, Happening};

#[test]
fn two_members_handle_the_same_partition() {
    let story = Story::default().sent(&["a", "b"]).began("c1", "a");
    let finding = Finding::TwoOwners {
        partition: 0,
        member: "c2".into(),
        value: "b".into(),
        other: "c1".into(),
        other_value: "a".into(),
    };
    let both = story.clone().began("c2", "b").ok("c1", "a").ok("c2", "b");
    assert!(both.findings().contains(&finding));
    story.clone().ok("c1", "a").handled("c2", &["b"]).clean();
    story.killed("c1").handled("c2", &["a", "b"]).clean();
}

#[test]
fn one_member_handles_a_message_twice_at_once() {
    let story = Story::default().sent(&["a"]).began("c", "a").began("c", "a").ok("c", "a");
    let finding = Finding::HandledTwiceAtOnce { member: "c".into(), value: "a".into() };
    assert!(story.findings().contains(&finding));
    Story::default().sent(&["a"]).tried("c", "a", 1..=1).handled("c", &["a"]).clean();
}

#[test]
fn a_frozen_member_does_not_know_yet() {
    let story = Story::default().sent(&["a", "b"]).began("c1", "a");
    let frozen = story.clone().tell("c1", Happening::MemberFrozen).handled("c2", &["a", "b"]);
    let thawed = frozen.tell("c1", Happening::MemberThawed).ok("c1", "a");
    let numbers = thawed.clone().handled("c1", &["b"]).clean();
    assert_eq!((numbers.duplicates, numbers.crashes[0].duplicates), (2, 2));
    // Once it has begun anew it is one like any other.
    let anew = thawed.tell("c1", Happening::Subscribed).sent(&["x"]).began("c2", "x").began("c1", "x");
    let findings = anew.ok("c2", "x").ok("c1", "x").findings();
    assert!(findings.iter().any(|finding| matches!(finding, Finding::TwoOwners { .. })), "{findings:?}");
    // Not frozen at all.
    let awake = story.handled("c2", &["a", "b"]).ok("c1", "a").findings();
    assert!(awake.iter().any(|finding| matches!(finding, Finding::TwoOwners { .. })), "{awake:?}");
}

#[test]
fn a_member_that_is_cut_off_ends_before_another_begins() {
    let story = Story::default().sent(&["a", "b"]).tell("c1", Happening::MemberCutOff).handled("c1", &["a"]);
    let numbers = story.clone().handled("c2", &["a", "b"]).clean();
    assert_eq!((numbers.duplicates, numbers.crashes[0].duplicates), (1, 1));
    let both =
        story.clone().began("c1", "b").began("c2", "a").ok("c1", "b").ok("c2", "a").handled("c2", &["b"]);
    let findings = both.findings();
    assert!(findings.iter().any(|finding| matches!(finding, Finding::TwoOwners { .. })), "{findings:?}");
    let reached = Story::default().sent(&["a"]).tell("c1", Happening::MemberCutOff);
    let late = reached.tell("c1", Happening::MemberReached).handled("c1", &["a"]).handled("c2", &["a"]);
    assert!(late.findings().iter().any(|finding| matches!(finding, Finding::Duplicate { .. })));
}

#[test]
fn a_frozen_member_that_nobody_replaced_keeps_the_order() {
    let story = Story::default().sent(&["a", "b"]).handled("c", &["a"]);
    let story = story.tell("c", Happening::MemberFrozen).tell("c", Happening::MemberThawed);
    story.clone().handled("c", &["b"]).clean();
    let back = story.handled("c", &["b", "a"]).findings();
    assert!(back.iter().any(|finding| matches!(finding, Finding::WentBack { .. })), "{back:?}");
}
