//! A group of processes under a steady load.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bson::{Document, doc};
use csb_core::runtime::clock::{self, Instant};
use csb_test_support::fault_run::{FaultRun, GROUP, MemberProcess, TOPIC};
use csb_test_support::history::{Event, Expectations, Happening, Numbers};
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;
use futures_util::TryStreamExt;

use crate::MEMBER;

pub(crate) const PARTITIONS: u32 = 12;
/// As short as may be, so that the runs are.
pub(crate) const SESSION: Duration = Duration::from_secs(6);
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);
const PER_SECOND: u32 = 500;
const DEADLINE: Duration = Duration::from_mins(1);
/// Longer than a session, a beat and a handover.
const TAKEN_OVER_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The run, its producer and its members.
pub(crate) struct Team {
    pub(crate) run: FaultRun,
    producer: MemberProcess,
    members: BTreeMap<String, MemberProcess>,
}

/// A member of the group; `extra` adds to its configuration.
pub(crate) fn role(extra: Document) -> ConsumerRole {
    let mut config = doc! { "groupId": GROUP, "topic": TOPIC, "sessionTimeoutMs": milliseconds(SESSION) };
    config.extend(extra);
    ConsumerRole { handler: doc! { "autoCommit": true }, work_micros: 200, ..ConsumerRole::new(config) }
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("small")
}

impl Team {
    /// Starts so many members, and the load when they share the partitions.
    pub(crate) async fn start(name: &'static str, set: &ReplicaSet, members: usize) -> Self {
        let run = FaultRun::begin(name, MEMBER, set, PARTITIONS)
            .await
            .with_broker(doc! { "heartbeatIntervalMs": milliseconds(HEARTBEAT), "operationTimeoutMs": 5000 });
        let members = (0..members).map(|_| run.consumer(role(doc! {})));
        let members: BTreeMap<_, _> = members.map(|member| (member.name().to_owned(), member)).collect();
        for name in members.keys() {
            // A new group begins where its members begin to listen, which is after they own something.
            run.log().wait_for_happening(name, &Happening::Subscribed).await;
        }
        shared(&run, members.len()).await;
        let producer = run.producer(ProducerRole {
            per_second: Some(PER_SECOND),
            in_flight: 200,
            keys: 120,
            ..ProducerRole::new(doc! {
                "topic": TOPIC, "partitions": PARTITIONS, "retentionMs": 86_400_000, "partitionStrategy": "key-based",
            })
        });
        let team = Self { run, producer, members };
        team.reads_everything(0).await;
        team
    }

    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }

    /// Starts members until there are so many. Returns how long it took until they shared the partitions.
    pub(crate) async fn grow_to(&mut self, size: usize) -> Duration {
        let begun = clock::now();
        while self.size() < size {
            self.add(self.run.consumer(role(doc! {})));
        }
        self.shared().await;
        begun.elapsed()
    }

    pub(crate) fn add(&mut self, member: MemberProcess) {
        self.members.insert(member.name().to_owned(), member);
    }

    /// Closes members until so few are left. Returns the longest time until others read what one had.
    pub(crate) async fn shrink_to(&mut self, size: usize) -> Duration {
        let mut longest = Duration::ZERO;
        while self.size() > size {
            let (name, member) = self.members.pop_first().expect("somebody is there");
            let had = self.read_by(&name);
            let (now, begun) = (self.run.log().len(), clock::now());
            let closing = member.close();
            let (taken, ()) = tokio::join!(self.read_by_others(now, &name, had, begun), closing);
            longest = longest.max(taken);
        }
        self.shared().await;
        longest
    }

    /// Takes a member out of the team, whatever is done with it.
    pub(crate) fn take(&mut self, name: &str) -> MemberProcess {
        self.members.remove(name).expect("it is there")
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// The member with this process id.
    pub(crate) fn process_name(&self, id: u32) -> Option<String> {
        self.members.iter().find(|(_, member)| member.pid() == id).map(|(name, _)| name.clone())
    }

    /// Partitions in which this member handled the last message.
    pub(crate) fn read_by(&self, name: &str) -> BTreeSet<u32> {
        let mut last: HashMap<u32, String> = HashMap::new();
        self.run.log().look(|event| {
            if let Happening::DeliveryBegun { partition, .. } = event.happening {
                last.insert(partition, event.member.clone());
            }
        });
        last.into_iter().filter(|(_, member)| member == name).map(|(partition, _)| partition).collect()
    }

    /// Waits until others have handled a message of each of these partitions. Returns how long that took.
    pub(crate) async fn read_by_others(
        &self,
        from: usize,
        name: &str,
        mut partitions: BTreeSet<u32>,
        begun: Instant,
    ) -> Duration {
        assert!(!partitions.is_empty(), "{name} has nothing");
        let what = format!("others to read what {name} had");
        let taken = self.run.log().wait_for(from, &what, |_, event| {
            if let Happening::DeliveryBegun { partition, .. } = event.happening
                && event.member != name
            {
                partitions.remove(&partition);
            }
            partitions.is_empty()
        });
        let is_taken = clock::timeout(TAKEN_OVER_WITHIN, taken).await.is_some();
        assert!(is_taken, "nobody reads {partitions:?}, which {name} had: {:?}", owners(&self.run).await);
        begun.elapsed()
    }

    /// Waits until every partition has delivered something from here on.
    async fn reads_everything(&self, from: usize) {
        let mut silent: BTreeSet<_> = (0..PARTITIONS).collect();
        let is_done = |_, event: &Event| {
            if let Happening::DeliveryFinished { partition, .. } = event.happening {
                silent.remove(&partition);
            }
            silent.is_empty()
        };
        self.run.log().wait_for(from, "messages of every partition", is_done).await;
    }

    /// Waits until the members share the partitions, none having two more than another.
    pub(crate) async fn shared(&self) {
        shared(&self.run, self.size()).await;
    }

    /// Ends the load and the members, and judges.
    pub(crate) async fn end(self, what: &str) -> Numbers {
        self.reads_everything(self.run.log().len()).await;
        self.producer.close().await;
        self.run.wait_until_finished().await;
        for member in self.members.into_values() {
            member.close().await;
        }
        let numbers = self.run.judge(Expectations::default()).await;
        println!("{what}: {} handled, {} twice", numbers.handled, numbers.duplicates);
        assert_eq!(numbers.handled, numbers.acknowledged);
        numbers
    }
}

/// The owners of the partitions, by what is stored.
pub(crate) async fn owners(run: &FaultRun) -> Vec<String> {
    let offsets = run.database().collection::<Document>("consumer_offsets");
    let owned = doc! { "groupId": GROUP, "owner": { "$type": "string" } };
    let found: Vec<_> = async { offsets.find(owned).await?.try_collect().await }.await.expect("readable");
    found.iter().map(|offset| offset.get_str("owner").expect("a text").to_owned()).collect()
}

async fn shared(run: &FaultRun, members: usize) {
    let partitions = PARTITIONS as usize;
    let look = async {
        loop {
            let mut loads: HashMap<String, usize> = HashMap::new();
            for owner in owners(run).await {
                *loads.entry(owner).or_default() += 1;
            }
            let is_fair = |load: &usize| (partitions / members..=partitions.div_ceil(members)).contains(load);
            let sum: usize = loads.values().sum();
            if sum == partitions && loads.len() == members.min(partitions) && loads.values().all(is_fair) {
                return;
            }
            clock::sleep(LOOK_EVERY).await;
        }
    };
    let outcome = clock::timeout(DEADLINE, look).await;
    assert!(outcome.is_some(), "{members} members do not share the partitions: {:?}", owners(run).await);
}
