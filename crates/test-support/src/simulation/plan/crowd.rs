//! Large groups: what a few members do not show.

use std::time::Duration;

use bson::doc;

use super::{
    ActionPlan, BrokerPlan, ChaosPlan, GroupPlan, HandlingPlan, Plan, ProducerPlan, SeatPlan, SharingPlan,
};
use crate::faulty_store::FaultRates;
use crate::seeded_random::SeededRandom;

impl Plan {
    /// Members in a fifth as many processes share three times as many partitions: with a hundred that is three hundred.
    /// They come within a second, and then members leave and processes are killed, also those of leaders, frozen and cut
    /// off.
    pub fn crowd(seed: u64, members: u32) -> Self {
        let mut random = SeededRandom::new(seed).fork("crowd");
        let random = &mut random;
        let session = Duration::from_millis(*random.pick(&[6_000, 15_000]));
        let group = GroupPlan {
            actions: ActionPlan {
                every_ms: 60_000,
                pause: 1,
                commit: 1,
                resubscribe: 3,
                move_away: 3,
                steal: 0,
            },
            ..large_group(random, members, session)
        };
        Self {
            chaos: ChaosPlan {
                duration: Duration::from_mins(1),
                every_ms: 15_000,
                kill: 2,
                kill_leader: 2,
                freeze: 2,
                restart: 1,
                cut_off: 2,
                outage: u64::from(random.chance(300)),
                forget_history: 0,
                longest_ms: 40_000,
            },
            rates: if random.chance(500) { FaultRates::CALM } else { light_faults() },
            ..calm_plan(random, group, members as usize / 5, members * 3)
        }
    }

    /// Twenty members come within a second, and nothing goes wrong.
    pub fn rush(seed: u64) -> Self {
        let mut random = SeededRandom::new(seed).fork("rush");
        let random = &mut random;
        let group = large_group(random, 20, Duration::from_secs(15));
        let chaos = ChaosPlan { duration: Duration::from_secs(20), ..ChaosPlan::default() };
        Self { chaos, ..calm_plan(random, group, 10, 60) }
    }
}

fn large_group(random: &mut SeededRandom, members: u32, session: Duration) -> GroupPlan {
    let seat = |random: &mut SeededRandom| SeatPlan {
        partitions: None,
        is_manual: false,
        keeps_name: false,
        comes_after: random.millis(0, 1_000),
    };
    GroupPlan {
        consumer: doc! { "fromBeginning": true },
        sharing: SharingPlan { session, delay: Duration::from_secs(3), handover: Duration::from_secs(30) },
        buffered_bytes: 1 << 20,
        handler: doc! { "maxRetries": 3, "retryDelay": 500, "handlerTimeoutMs": 5_000 },
        seats: (0..members).map(|_| seat(random)).collect(),
        handling: HandlingPlan {
            seed: random.next_u64(),
            usual_ms: 100,
            slow: 100,
            slow_ms: 2_000,
            flaky: 20,
            poison: 0,
            stuck: 0,
            killers: 0,
            calls_back: 0,
        },
        actions: ActionPlan { every_ms: 600_000, pause: 1, ..ActionPlan::default() },
    }
}

fn calm_plan(random: &mut SeededRandom, group: GroupPlan, processes: usize, partitions: u32) -> Plan {
    Plan {
        partitions,
        processes,
        groups: vec![group],
        producers: (0..2)
            .map(|_| ProducerPlan {
                sends: 25,
                most_messages: 6,
                every_ms: 3_000,
                at_once: 1,
                has_keys: random.chance(500),
                filler_bytes: 0,
                sends_again: false,
            })
            .collect(),
        backlog: (150, Duration::from_mins(5)),
        transactions: 0,
        legacy_messages: 0,
        rates: FaultRates::CALM,
        chaos: ChaosPlan::default(),
        broker: BrokerPlan { delivery_timeout: 20_000, shutdown_grace: 60_000, heartbeat_interval: 2_000 },
    }
}

fn light_faults() -> FaultRates {
    FaultRates { refused: 10, request_lost: 5, reply_lost: 10, slow: 20, stream_ends: 5, ..FaultRates::CALM }
}
