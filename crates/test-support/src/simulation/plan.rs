//! What a seed stands for: the scenario of its run. Pure.

use std::time::Duration;

use bson::{Document, doc};

use super::scheduler::MostTurns;
use crate::faulty_store::FaultRates;
use crate::seeded_random::SeededRandom;

mod crowd;
mod seating;

pub(super) const TOPIC: &str = "numbers";

/// A scenario.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Partitions of the topic.
    pub partitions: u32,
    /// Processes that run at the same time.
    pub processes: usize,
    /// Consumer groups.
    pub groups: Vec<GroupPlan>,
    /// Producers; each lives in the process of its index, modulo their number.
    pub producers: Vec<ProducerPlan>,
    /// Messages that are stored before the first consumer comes, and how long before.
    pub backlog: (u64, Duration),
    /// Messages that transactions of the user's insert, which become visible late.
    pub transactions: u64,
    /// Messages that 1.4.2 inserts, which have no `_ts`.
    pub legacy_messages: u64,
    /// Faults between the processes and the server.
    pub rates: FaultRates,
    /// What happens to the processes.
    pub chaos: ChaosPlan,
    /// What every broker is configured with.
    pub broker: BrokerPlan,
}

/// What brokers are configured with, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct BrokerPlan {
    /// `deliveryTimeoutMs`.
    pub delivery_timeout: u64,
    /// `shutdownGraceMs`.
    pub shutdown_grace: u64,
    /// `heartbeatIntervalMs`.
    pub heartbeat_interval: u64,
}

/// A consumer group.
#[derive(Debug, Clone)]
pub struct GroupPlan {
    /// What its consumers are created with, besides group, topic, partitions, and what follows.
    pub consumer: Document,
    /// How its members share partitions.
    pub sharing: SharingPlan,
    /// `maxBufferedBytes` of its consumers. Smaller than a user may choose, so that buffers fill.
    pub buffered_bytes: u64,
    /// What `subscribe` is given.
    pub handler: Document,
    /// The members that it always has, as soon as they have come.
    pub seats: Vec<SeatPlan>,
    /// How its handler behaves.
    pub handling: HandlingPlan,
    /// What its members do besides, and how often.
    pub actions: ActionPlan,
}

/// `sessionTimeoutMs`, `rebalanceDelayMs` and `handoverTimeoutMs` of the members of a group.
#[derive(Debug, Clone, Copy)]
pub struct SharingPlan {
    /// A member that is silent for longer is out.
    pub session: Duration,
    /// For so long an assignment waits for more members at most.
    pub delay: Duration,
    /// A partition is given back within this time.
    pub handover: Duration,
}

/// A member's place.
#[derive(Debug, Clone)]
pub struct SeatPlan {
    /// What its members read; `None`: all of the topic.
    pub partitions: Option<Vec<u32>>,
    /// Whether they read exactly that, whoever else is there.
    pub is_manual: bool,
    /// Whether they have one `instanceId`, one after the other.
    pub keeps_name: bool,
    /// When the first of them comes.
    pub comes_after: Duration,
}

/// How messages are handled. Numbers are of a thousand.
#[derive(Debug, Clone, Copy)]
pub struct HandlingPlan {
    /// Every decision about a message follows from this and its number.
    pub seed: u64,
    /// Usual time for a message at most, in milliseconds.
    pub usual_ms: u64,
    /// Messages that take up to `slow_ms`.
    pub slow: u64,
    /// See `slow`.
    pub slow_ms: u64,
    /// Messages that fail once or twice.
    pub flaky: u64,
    /// Messages that always fail.
    pub poison: u64,
    /// Messages whose first attempt does not end within `handlerTimeoutMs`.
    pub stuck: u64,
    /// Messages that end the process which handles them.
    pub killers: u64,
    /// Messages whose handler commits or unsubscribes.
    pub calls_back: u64,
}

/// What a member does while it is subscribed. The first number is of a thousand, the others are weights.
#[derive(Debug, Clone, Copy, Default)]
pub struct ActionPlan {
    /// Longest time between two actions, in milliseconds.
    pub every_ms: u64,
    /// Pauses and resumes.
    pub pause: u64,
    /// Calls `commitOffsets`.
    pub commit: u64,
    /// Unsubscribes and subscribes again.
    pub resubscribe: u64,
    /// Disconnects, and another member takes its place.
    pub move_away: u64,
    /// Another member joins, and it stays.
    pub steal: u64,
}

/// A producer.
#[derive(Debug, Clone, Copy)]
pub struct ProducerPlan {
    /// Sends that it makes.
    pub sends: u64,
    /// Messages of one send at most.
    pub most_messages: u64,
    /// Longest time between two sends, in milliseconds.
    pub every_ms: u64,
    /// Sends that may be on their way at the same time.
    pub at_once: usize,
    /// Whether its messages have keys, so that they stay in order per key.
    pub has_keys: bool,
    /// Bytes that are added to each payload at most.
    pub filler_bytes: u64,
    /// Whether it gives its messages ids of its own and sends again what failed.
    pub sends_again: bool,
}

/// What happens to processes, and for how long.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChaosPlan {
    /// How long it goes on.
    pub duration: Duration,
    /// Longest time between two events, in milliseconds. 0: nothing ever happens.
    pub every_ms: u64,
    /// Weight of killing a process, which is started anew later.
    pub kill: u64,
    /// Weight of freezing a process for a while.
    pub freeze: u64,
    /// Weight of ending a process in good order and starting another.
    pub restart: u64,
    /// Weight of cutting a process off from the server.
    pub cut_off: u64,
    /// Weight of cutting all off, as when the server is down.
    pub outage: u64,
    /// Weight of an oplog that rolls over.
    pub forget_history: u64,
    /// Weight of killing the process in which a group's leader lives.
    pub kill_leader: u64,
    /// Longest time for which a process is frozen, cut off, or not there.
    pub longest_ms: u64,
}

impl Plan {
    /// The scenario of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = SeededRandom::new(seed).fork("plan");
        let random = &mut random;
        let partitions = u32::try_from(random.between(1, 6)).expect("small");
        let duration = random.millis(5_000, 60_000);
        let groups = random.between(1, 2);
        let producers = random.between(1, 2);
        let groups: Vec<_> = (0..groups).map(|_| group(random, partitions)).collect();
        // A handler that leaves the group and then outlives the grace period would do so for ever.
        let calls_back = groups.iter().any(|group| group.handling.calls_back > 0);
        let grace: &[u64] = if calls_back { &[60_000] } else { &[100, 2_000, 60_000, 60_000, 60_000] };
        let broker = BrokerPlan {
            delivery_timeout: random.between(1, 20) * 1000,
            shutdown_grace: *random.pick(grace),
            heartbeat_interval: heartbeat(random, &groups),
        };
        Self {
            partitions,
            processes: random.index(4) + 1,
            groups,
            producers: (0..producers).map(|_| producer(random)).collect(),
            backlog: if random.chance(400) {
                (random.between(1, 40), random.millis(0, 300_000))
            } else {
                (0, Duration::ZERO)
            },
            transactions: if random.chance(300) { random.between(1, 15) } else { 0 },
            legacy_messages: if random.chance(100) { random.between(1, 10) } else { 0 },
            rates: rates(random),
            chaos: chaos(random, duration),
            broker,
        }
    }
}

impl Plan {
    /// Far more turns than the scenario needs.
    pub(super) fn most_turns(&self) -> MostTurns {
        let members: usize = self.groups.iter().map(|group| group.seats.len()).sum();
        let size = u64::try_from(members).expect("few") + u64::from(self.partitions);
        MostTurns { at_once: 10_000 + 1_000 * size, in_all: 1_000_000 + 20_000 * size }
    }
}

impl GroupPlan {
    /// A living owner that should have given a partition back is waited for as long as this.
    pub(super) fn patience(&self) -> Duration {
        self.sharing.handover + Duration::from_secs(10)
    }
}

/// At most a third of the shortest session, as the engine demands.
fn heartbeat(random: &mut SeededRandom, groups: &[GroupPlan]) -> u64 {
    let sessions = groups.iter().map(|group| millis(group.sharing.session));
    let longest = sessions.min().expect("a group") / 3;
    (*random.pick(&[500, 1_000, 2_000, 3_000, longest])).min(longest)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("short")
}

fn group(random: &mut SeededRandom, partitions: u32) -> GroupPlan {
    let mut consumer = doc! {
        "fromBeginning": random.chance(500),
        "options": {
            "batchSize": i64::from(*random.pick(&[1, 3, 20, 1000])),
            "maxAwaitTimeMS": *random.pick(&[10, 200, 1000]),
        },
    };
    match random.below(4) {
        0 => _ = consumer.insert("autoCommit", false),
        1 => _ = consumer.insert("autoCommitIntervalMs", *random.pick(&[10, 100, 3000])),
        _ => {}
    }
    let mut handler = doc! {
        "maxRetries": *random.pick(&[0, 1, 3]),
        "retryDelay": *random.pick(&[0, 10, 500]),
        "handlerTimeoutMs": 5_000,
        "retryBackoff": *random.pick(&["fixed", "exponential"]),
        "maxRetryDelay": 2_000,
    };
    if random.chance(300) {
        handler.insert("concurrency", *random.pick(&[2, 5]));
    }
    if random.chance(150) {
        let most: i32 = *random.pick(&[2, 10]);
        handler.insert("batch", doc! { "maxMessages": most, "lingerMs": *random.pick(&[0, 50]) });
    }
    if random.chance(100) {
        handler.insert("autoCommit", true);
    }
    GroupPlan {
        consumer,
        sharing: SharingPlan {
            session: if random.chance(300) { Duration::from_secs(30) } else { random.millis(6_000, 30_000) },
            delay: Duration::from_millis(*random.pick(&[0, 1_000, 3_000])),
            handover: Duration::from_millis(*random.pick(&[100, 1_000, 5_000, 30_000])),
        },
        buffered_bytes: *random.pick(&[1_000, 4_000, 1 << 20]),
        handler,
        seats: seating::seats(random, partitions),
        handling: handling(random),
        actions: actions(random),
    }
}

fn handling(random: &mut SeededRandom) -> HandlingPlan {
    let fails = random.chance(600);
    HandlingPlan {
        seed: random.next_u64(),
        usual_ms: *random.pick(&[0, 1, 20, 100]),
        slow: *random.pick(&[0, 0, 20, 100]),
        slow_ms: 2_000,
        flaky: if fails { *random.pick(&[0, 50, 200]) } else { 0 },
        poison: if fails { *random.pick(&[0, 20, 100]) } else { 0 },
        stuck: if random.chance(100) { 20 } else { 0 },
        killers: if random.chance(60) { 30 } else { 0 },
        calls_back: if random.chance(200) { 50 } else { 0 },
    }
}

fn actions(random: &mut SeededRandom) -> ActionPlan {
    if random.chance(200) {
        return ActionPlan { every_ms: 600_000, pause: 1, ..ActionPlan::default() };
    }
    ActionPlan {
        every_ms: *random.pick(&[100, 1_000, 10_000]),
        pause: random.below(3),
        commit: random.between(1, 3),
        resubscribe: random.below(3),
        move_away: random.below(3),
        steal: u64::from(random.chance(300)),
    }
}

fn producer(random: &mut SeededRandom) -> ProducerPlan {
    let has_keys = random.chance(700);
    ProducerPlan {
        sends: random.between(1, 30),
        most_messages: *random.pick(&[1, 1, 5]),
        every_ms: *random.pick(&[0, 20, 500, 3_000]),
        at_once: *random.pick(&[1, 1, 4]),
        has_keys,
        filler_bytes: *random.pick(&[0, 0, 400]),
        // An id is unique in its partition, so only what goes to the same one again can be told.
        sends_again: has_keys && random.chance(400),
    }
}

fn rates(random: &mut SeededRandom) -> FaultRates {
    if random.chance(300) {
        return FaultRates::CALM;
    }
    let mut rate = |most: u64| if random.chance(500) { random.between(1, most) } else { 0 };
    FaultRates {
        refused: rate(100),
        request_lost: rate(50),
        reply_lost: rate(50),
        late: rate(10),
        slow: rate(100),
        stream_ends: rate(100),
        stream_hangs: rate(10),
        hang_ms: *random.pick(&[10_000, 100_000]),
        history_lost: if random.chance(100) { 50 } else { 0 },
        usual_ms: *random.pick(&[0, 2, 20]),
        slow_ms: 1_500,
        deadline_ms: 10_000,
    }
}

fn chaos(random: &mut SeededRandom, duration: Duration) -> ChaosPlan {
    if random.chance(350) {
        return ChaosPlan { duration, ..ChaosPlan::default() };
    }
    ChaosPlan {
        duration,
        every_ms: *random.pick(&[2_000, 10_000, 30_000]),
        kill: random.below(3),
        freeze: random.below(3),
        restart: random.below(3),
        cut_off: random.below(2),
        outage: random.between(0, 1),
        forget_history: random.below(2),
        kill_leader: random.below(2),
        longest_ms: *random.pick(&[20_000, 20_000, 60_000]),
    }
}

pub(super) fn group_id(index: usize) -> String {
    format!("group-{index}")
}

pub(super) fn group_index(group_id: &str) -> usize {
    group_id.trim_start_matches("group-").parse().expect("an id that was made above")
}
