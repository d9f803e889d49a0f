//! Histories in few words.

use crate::history::{Event, Expectations, Finding, Happening, Numbers, check};

/// A history that is being told. Messages are in partition 0 and have the key `k` where nothing else is said.
#[derive(Default, Clone)]
pub(super) struct Story(Vec<Event>);

impl Story {
    pub(super) fn tell(mut self, member: &str, happening: Happening) -> Self {
        self.0.push(Event { member: member.into(), sequence: None, happening });
        self
    }

    pub(super) fn numbered(mut self, member: &str, sequence: u64) -> Self {
        let happening = Happening::Noted { text: String::new() };
        self.0.push(Event { member: member.into(), sequence: Some(sequence), happening });
        self
    }

    pub(super) fn sends(self, value: &str) -> Self {
        self.begins_send("p", value, Some("k"))
    }

    pub(super) fn begins_send(self, producer: &str, value: &str, key: Option<&str>) -> Self {
        let key = key.map(str::to_owned);
        self.tell(producer, Happening::SendBegun { value: value.into(), key, partition: None })
    }

    pub(super) fn acknowledged(self, value: &str) -> Self {
        self.tell("p", Happening::SendAcknowledged { value: value.into() })
    }

    pub(super) fn not_written(self, value: &str) -> Self {
        self.tell("p", Happening::SendNotWritten { value: value.into(), code: "E".into() })
    }

    pub(super) fn unknown(self, value: &str) -> Self {
        self.tell("p", Happening::SendUnknown { value: value.into(), code: "E".into() })
    }

    /// Each sent and acknowledged, one after the other.
    pub(super) fn sent(self, values: &[&str]) -> Self {
        values.iter().fold(self, |story, value| story.sends(value).acknowledged(value))
    }

    pub(super) fn began(self, member: &str, value: &str) -> Self {
        self.began_as(member, value, 1, None, false)
    }

    pub(super) fn began_as(
        self,
        member: &str,
        value: &str,
        attempt: u32,
        token: Option<&str>,
        possible_duplicate: bool,
    ) -> Self {
        let token = token.map(str::to_owned);
        let (value, key) = (value.to_owned(), None);
        let begun = Happening::DeliveryBegun { partition: 0, value, key, attempt, token, possible_duplicate };
        self.tell(member, begun)
    }

    pub(super) fn at(self, member: &str, value: &str, token: &str) -> Self {
        self.began_as(member, value, 1, Some(token), false).ok(member, value)
    }

    pub(super) fn ok(self, member: &str, value: &str) -> Self {
        self.tell(member, Happening::DeliveryFinished { partition: 0, value: value.into() })
    }

    pub(super) fn failed(self, member: &str, value: &str) -> Self {
        self.tell(member, Happening::DeliveryFailed { partition: 0, value: value.into() })
    }

    /// Each begun and finished, one after the other.
    pub(super) fn handled(self, member: &str, values: &[&str]) -> Self {
        values.iter().fold(self, |story, value| story.began(member, value).ok(member, value))
    }

    /// Each attempt begun and failed.
    pub(super) fn tried(self, member: &str, value: &str, attempts: std::ops::RangeInclusive<u32>) -> Self {
        attempts.fold(self, |story, attempt| {
            story.began_as(member, value, attempt, None, false).failed(member, value)
        })
    }

    pub(super) fn buried(self, member: &str, value: &str) -> Self {
        self.tell(member, Happening::DeadLettered { partition: 0, value: value.into() })
    }

    pub(super) fn killed(self, member: &str) -> Self {
        self.tell(member, Happening::MemberKilled)
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        self.findings_by(Expectations::default())
    }

    pub(super) fn findings_by(&self, expectations: Expectations) -> Vec<Finding> {
        check(&self.0, expectations).findings
    }

    pub(super) fn clean(&self) -> Numbers {
        self.clean_by(Expectations::default())
    }

    pub(super) fn clean_by(&self, expectations: Expectations) -> Numbers {
        check(&self.0, expectations).assert_clean().clone()
    }
}
