//! What a member does.

use bson::Document;
use serde::{Deserialize, Serialize};

/// The argument of a member process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberConfig {
    /// Its name in the history; unique.
    pub member: String,
    /// Configuration of the broker.
    pub broker: Document,
    /// What it does.
    pub role: Role,
}

/// Producer or consumer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Sends messages and ends when it has sent as many as it should, or is told to close.
    Producer(ProducerRole),
    /// Handles messages until it is told to close.
    Consumer(ConsumerRole),
}

/// Sends messages named `<member>-<number>`, numbered from 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProducerRole {
    /// Configuration of the producer.
    pub producer: Document,
    /// How many; without a number until it is told to close.
    #[serde(default)]
    pub messages: Option<u64>,
    /// How many a second; without a number as fast as possible.
    #[serde(default)]
    pub per_second: Option<u32>,
    /// Sends under way at the same time, at least 1.
    pub in_flight: u32,
    /// Number of different keys, given in turn; 0: messages have none.
    #[serde(default)]
    pub keys: u64,
    /// Every so-manieth message is one that no handler can handle; 0: none.
    #[serde(default)]
    pub poison_every: u64,
    /// A send that has no outcome after so many milliseconds ends the member, and the run. 0: five minutes.
    #[serde(default)]
    pub outcome_within_ms: u64,
    /// Bytes of text in each message besides its name.
    #[serde(default)]
    pub padding: usize,
}

/// Handles messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumerRole {
    /// Configuration of the consumer.
    pub consumer: Document,
    /// Configuration of the handler.
    #[serde(default)]
    pub handler: Document,
    /// How long the handler works on each message, in microseconds.
    #[serde(default)]
    pub work_micros: u64,
    /// How many of a hundred calls of the handler fail, at random.
    #[serde(default)]
    pub failing_percent: u32,
}

impl ProducerRole {
    /// As fast as one send after the other goes, without keys.
    pub fn new(producer: Document) -> Self {
        Self {
            producer,
            messages: None,
            per_second: None,
            in_flight: 1,
            keys: 0,
            poison_every: 0,
            outcome_within_ms: 0,
            padding: 0,
        }
    }

    /// Whether no handler can handle the message of this number.
    pub fn is_poison(&self, number: u64) -> bool {
        self.poison_every > 0 && number % self.poison_every == self.poison_every - 1
    }
}

impl ConsumerRole {
    /// A handler that succeeds at once.
    pub fn new(consumer: Document) -> Self {
        Self { consumer, handler: Document::new(), work_micros: 0, failing_percent: 0 }
    }
}
