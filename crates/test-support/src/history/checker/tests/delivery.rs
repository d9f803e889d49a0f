//! Lost, doubled, tried too often, given up.

use super::story::Story;
use crate::history::{CrashCount, Expectations, Finding, Happening};

fn attempts(allowed: u32) -> Expectations {
    Expectations { attempts: Some(allowed), ..Expectations::default() }
}

fn dead_letters(values: &[&str]) -> Expectations {
    let dead_letters = values.iter().map(|value| (*value).to_owned()).collect();
    Expectations { attempts: Some(2), dead_letters: Some(dead_letters), ..Expectations::default() }
}

#[test]
fn lost() {
    let story = Story::default().sent(&["a", "b"]).handled("c", &["a"]);
    let lost = Finding::Lost { value: "b".into(), partition: None, key: Some("k".into()) };
    assert_eq!(story.findings(), [lost]);
    // Interrupted is not finished, and neither is failed.
    assert_eq!(story.clone().began("c", "b").killed("c").findings().len(), 1);
    assert_eq!(story.clone().tried("c", "b", 1..=1).findings().len(), 1);

    let numbers = story.clone().handled("c", &["b"]).clean();
    assert_eq!((numbers.sent, numbers.acknowledged, numbers.handled, numbers.deliveries), (2, 2, 2, 2));
    let skipped = Happening::Skipped { partition: 0, value: "b".into() };
    assert_eq!(story.tell("operator", skipped).clean().skipped, 1);
}

#[test]
fn what_was_not_written_or_may_be() {
    let story = Story::default().sends("a").not_written("a").sends("b").unknown("b").sends("c");
    let numbers = story.clean();
    assert_eq!((numbers.sent, numbers.not_written, numbers.unknown), (3, 1, 2));
    story.clone().handled("c", &["b", "c"]).clean();
    let story = story.handled("c", &["a"]);
    assert_eq!(story.findings(), [Finding::DeliveredNotWritten { value: "a".into() }]);
}

#[test]
fn never_sent() {
    let story = Story::default().handled("c", &["a"]);
    assert_eq!(story.findings(), [Finding::NeverSent { value: "a".into() }]);
    // The producer's line may come later than the delivery.
    story.sends("a").clean();
}

#[test]
fn doubled_without_a_crash() {
    let story = Story::default().sent(&["a"]).handled("c1", &["a"]);
    let doubled = story.clone().handled("c2", &["a"]);
    let duplicate = Finding::Duplicate { value: "a".into(), first: "c1".into(), second: "c2".into() };
    assert_eq!(doubled.findings(), [duplicate]);
    // Whoever crashed before, or is another one, explains nothing.
    let story_of_others = Story::default().killed("c1").sent(&["a"]).handled("c1", &["a"]).killed("c2");
    assert_eq!(story_of_others.handled("c2", &["a"]).findings().len(), 1);

    let numbers = story.killed("c1").handled("c2", &["a"]).clean();
    assert_eq!(numbers.duplicates, 1);
    assert_eq!(numbers.crashes, [CrashCount { member: "c1".into(), duplicates: 1, interrupted: 0 }]);
}

#[test]
fn too_many_after_one_crash() {
    let values = ["a", "b", "c"];
    let story = Story::default().sent(&values).handled("c1", &values).killed("c1");
    let story = story.handled("c2", &values[1..]).killed("c2").handled("c3", &values[2..]);
    let allow = |allowed| Expectations { duplicates_per_crash: Some(allowed), ..Expectations::default() };
    let too_many = Finding::TooManyDuplicates { member: "c1".into(), duplicates: 2, allowed: 1 };
    assert_eq!(story.findings_by(allow(1)), [too_many]);
    let numbers = story.clean_by(allow(2));
    assert_eq!((numbers.duplicates, numbers.most_duplicates_of_a_crash()), (3, 2));
}

#[test]
fn an_interrupted_message_is_no_duplicate() {
    let story = Story::default().sent(&["a"]).began("c1", "a").killed("c1").handled("c2", &["a"]);
    let numbers = story.clean();
    assert_eq!((numbers.duplicates, numbers.crashes[0].interrupted), (0, 1));
}

#[test]
fn marked_duplicates_are_counted_apart() {
    let story = Story::default().sent(&["a"]).handled("c1", &["a"]);
    let story = story.began_as("c2", "a", 1, None, true).ok("c2", "a");
    let too_many = Finding::TooManyMarkedDuplicates { duplicates: 1, allowed: 0 };
    assert_eq!(story.findings(), [too_many]);
    let allowed = Expectations { marked_duplicates: 1, ..Expectations::default() };
    assert_eq!(story.clean_by(allowed).marked_duplicates, 1);
}

#[test]
fn too_many_attempts() {
    let story = Story::default().sent(&["a"]).tried("c", "a", 1..=3);
    let good = story.clone().began_as("c", "a", 4, None, false).ok("c", "a");
    assert_eq!(good.clean_by(attempts(4)).failed_attempts, 3);
    let finding = |attempts| Finding::TooManyAttempts { value: "a".into(), attempts, allowed: 3 };
    assert_eq!(good.findings_by(attempts(3)), [finding(4)]);
    // The same number again: a failed attempt was forgotten.
    let forgotten = story.clone().tried("c", "a", 3..=3).handled("c", &["a"]);
    assert_eq!(forgotten.findings_by(attempts(3)), [finding(4)]);
    // A crash may make an attempt forgotten that was not stored yet.
    let crashed = story.killed("c");
    crashed.clone().tried("d", "a", 3..=3).handled("d", &["a"]).clean_by(attempts(3));
    // Or that it was given up is not stored: then it is tried once more, and not twice.
    let once_more =
        |last| crashed.clone().tried("d", "a", 4..=last).handled("d", &["a"]).findings_by(attempts(3));
    assert_eq!(once_more(4), []);
    assert_eq!(once_more(5), [finding(5)]);
}

#[test]
fn dead_letters_exactly_those_expected() {
    let story =
        Story::default().sent(&["a", "b"]).tried("c", "a", 1..=2).buried("c", "a").handled("c", &["b"]);
    assert_eq!(story.clean_by(dead_letters(&["a"])).dead_letters, 1);
    // An observer of the database says it, too.
    assert_eq!(story.clone().buried("observer", "a").clean_by(dead_letters(&["a"])).dead_letters, 1);
    let unexpected = Finding::DeadLetterUnexpected { value: "a".into() };
    assert_eq!(story.findings_by(dead_letters(&[])), [unexpected]);
    let missing = |value: &str| Finding::DeadLetterMissing { value: value.into() };
    assert_eq!(story.findings_by(dead_letters(&["a", "b", "z"])), [missing("b"), missing("z")]);
    let unchecked = Expectations { dead_letters: None, ..Expectations::default() };
    story.clean_by(unchecked);
}

#[test]
fn given_up_early_or_handled_as_well() {
    let early = Story::default().sent(&["a"]).tried("c", "a", 1..=1).buried("c", "a");
    let finding = Finding::GivenUpEarly { value: "a".into(), attempts: 1, expected: 2 };
    assert_eq!(early.findings_by(dead_letters(&["a"])), [finding]);
    let interrupted = Story::default().sent(&["a"]).began("b", "a").killed("b").tried("c", "a", 2..=2);
    interrupted.buried("c", "a").clean_by(dead_letters(&["a"]));

    let both = Story::default().sent(&["a"]).tried("c", "a", 1..=2).buried("c", "a").handled("d", &["a"]);
    let duplicate = Finding::Duplicate { value: "a".into(), first: "c".into(), second: "d".into() };
    assert_eq!(both.findings_by(dead_letters(&["a"])), [duplicate]);
}

#[test]
fn a_handler_that_is_cut_off() {
    let story = Story::default().sent(&["a"]).began("c", "a");
    let ended = story.clone().tell("c", Happening::MemberEnded).handled("d", &["a"]);
    assert_eq!(ended.findings(), [Finding::HandlerCutOff { member: "c".into(), value: "a".into() }]);
    story.ok("c", "a").tell("c", Happening::MemberEnded).clean();
}

#[test]
fn histories_that_cannot_be_judged() {
    let story = Story::default().sent(&["a"]).handled("c", &["a"]);
    let twice = story.clone().sends("a").findings();
    assert_eq!(twice, [Finding::SentTwice { value: "a".into() }]);
    let without_begin = Story::default().sent(&["a"]).ok("c", "a").findings();
    assert_eq!(without_begin, [Finding::EndWithoutBegin { member: "c".into(), value: "a".into() }]);

    let numbered = story.numbered("d", 1).numbered("e", 1).numbered("d", 2);
    numbered.clean();
    let missing = Finding::LinesMissing { member: "d".into(), after: 2, next: 4 };
    assert_eq!(numbered.clone().numbered("d", 4).findings(), [missing]);
    numbered.tell("d", Happening::MemberStarted).numbered("d", 1).clean();
}
