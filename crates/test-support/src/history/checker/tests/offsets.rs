//! Commits and epochs.

use super::story::Story;
use crate::history::{Expectations, Finding, Happening};

impl Story {
    fn committed(self, epoch: Option<i64>, token: &str) -> Self {
        let token = Some(token.to_owned());
        self.tell("observer", Happening::Committed { partition: 0, epoch, token, history: None })
    }

    fn committed_history(self, history: Option<(u32, u32)>) -> Self {
        self.tell("observer", Happening::Committed { partition: 0, epoch: None, token: None, history })
    }

    fn claimed(self, epoch: i64, owner: &str) -> Self {
        let (epoch, owner) = (Some(epoch), Some(owner.to_owned()));
        self.tell("observer", Happening::AssignmentGained { partition: 0, epoch, owner })
    }
}

#[test]
fn commits_only_grow() {
    let story = Story::default().committed_history(None).committed_history(Some((5, 1)));
    let story = story.committed_history(Some((5, 2))).committed(None, "8201").committed(None, "8202");
    story.clean();
    story.clone().committed(None, "8202").clean();
    let back = |to: &str| Finding::CommitWentBack { partition: 0, from: "8202".into(), to: to.into() };
    assert_eq!(story.clone().committed(None, "8201").findings(), [back("8201")]);
    let lost = story.committed_history(Some((9, 9)));
    assert_eq!(lost.findings(), [back("history 9.9")]);
    let may = || Expectations { may_lose_positions: true, ..Expectations::default() };
    lost.clean_by(may());
    assert_eq!(lost.committed_history(Some((9, 8))).findings_by(may()).len(), 1);
}

#[test]
fn only_the_newest_epoch_commits() {
    let story = Story::default().claimed(1, "c1").committed(Some(1), "8201").claimed(2, "c2");
    story.clone().committed(Some(2), "8202").clean();
    let stale = Finding::StaleCommit { partition: 0, epoch: 1, newest: 2 };
    assert_eq!(story.committed(Some(1), "8202").findings(), [stale]);
}

#[test]
fn an_epoch_has_one_owner() {
    let story = Story::default().claimed(1, "c1");
    story.clone().claimed(2, "c2").clean();
    let finding = Finding::EpochNotNew { partition: 0, epoch: 1, newest: 1 };
    assert_eq!(story.clone().claimed(1, "c2").findings(), [finding]);
    // Seen again, as by a second observer.
    story.claimed(1, "c1").clean();
}

#[test]
fn a_commit_never_covers_what_is_unfinished() {
    let finding = Finding::CommitAhead { partition: 0, value: "a".into() };
    let story = Story::default().sent(&["a"]).began_as("c", "a", 1, Some("8201"), false);
    assert_eq!(story.clone().committed(None, "8201").ok("c", "a").findings(), std::slice::from_ref(&finding));
    story.clone().committed(None, "8200").ok("c", "a").committed(None, "8201").clean();
    // The message would be lost by this crash.
    assert!(story.clone().committed(None, "8201").killed("c").findings().contains(&finding));
    // It is in the dead letters; the word of it came later than that of the commit.
    let buried = story.failed("c", "a").committed(None, "8201").buried("observer", "a");
    let unexpected = Finding::DeadLetterUnexpected { value: "a".into() };
    assert_eq!(buried.findings(), [unexpected]);
}
