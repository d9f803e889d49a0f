//! A group in a world whose oplog is short, whose processes crash, and in which messages become visible out of the order
//! of their stamps: nothing may be lost, and what is handled twice must have been marked.

use std::collections::HashMap;

use bson::{Timestamp, rawdoc};
use proptest::prelude::*;

use super::*;
use crate::consumer::handed_over::{MessageMark, Verdict};

/// The server keeps snapshots for as long.
const SNAPSHOT_SECONDS: u32 = 300;
const START: u32 = 10_000;

fn at(seconds: u32) -> ClusterTime {
    ClusterTime { seconds, increment: 0 }
}

#[derive(Debug, Clone, Copy)]
struct Message {
    stamp: ClusterTime,
    event: ClusterTime,
}

impl Message {
    fn mark(self) -> MessageMark {
        MessageMark::of(&rawdoc! { "_id": 1, "_ts": Timestamp::from(self.stamp) })
    }

    fn token(self) -> StreamToken {
        StreamToken::after(self.event)
    }
}

/// What may happen next.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Wait(u32),
    /// The reader reads up to so many messages.
    Read(usize),
    /// The handler handles so many messages, each of which is committed.
    Handle(usize),
    /// The feed takes over and leaves again: it does not note what it gives.
    Follow,
    /// The process ends; another one takes over.
    Crash,
    /// The stream refuses until it is opened again, whatever the oplog has.
    Refuse,
}

struct World {
    messages: Vec<Message>,
    now: u32,
    oplog_seconds: u32,
    refuses: bool,
}

impl World {
    fn stored(&self, history: &HistoryPosition, after: ClusterTime, most: usize) -> Option<Vec<Message>> {
        if history.snapshot && self.now.saturating_sub(history.until.seconds) > SNAPSHOT_SECONDS {
            return None;
        }
        let visible_until = if history.snapshot { history.until } else { at(self.now) };
        let mut found: Vec<_> = self
            .messages
            .iter()
            .filter(|message| message.event <= visible_until)
            .filter(|message| message.stamp > after && message.stamp <= history.until)
            .copied()
            .collect();
        found.sort_by_key(|message| message.stamp);
        found.truncate(most);
        Some(found)
    }

    fn streamed(&mut self, after: &StreamToken, most: usize) -> Option<Vec<Message>> {
        if std::mem::take(&mut self.refuses)
            || after.cluster_time().seconds < self.now.saturating_sub(self.oplog_seconds)
        {
            return None;
        }
        let mut found: Vec<_> = self
            .messages
            .iter()
            .filter(|message| message.token() > *after && message.event <= at(self.now))
            .copied()
            .collect();
        found.sort_by_key(|message| message.event);
        found.truncate(most);
        Some(found)
    }
}

struct Group {
    committed: Position,
    position: Position,
    handed: HandedOver,
    buffer: Vec<(Message, Position, bool)>,
    handled: HashMap<ClusterTime, u32>,
}

impl Group {
    fn new(start: Position) -> Self {
        Self {
            handed: HandedOver::before(&start),
            committed: start.clone(),
            position: start,
            buffer: Vec::new(),
            handled: HashMap::new(),
        }
    }

    fn crash(&mut self) {
        self.buffer.clear();
        self.position = self.committed.clone();
        self.handed = HandedOver::before(&self.position);
    }

    fn handle(&mut self, count: usize) -> Result<(), TestCaseError> {
        for _ in 0..count.min(self.buffer.len()) {
            let (message, after, is_marked) = self.buffer.remove(0);
            let times = self.handled.entry(message.stamp).or_default();
            prop_assert!(*times == 0 || is_marked, "{message:?} again, unmarked, then {after:?}");
            *times += 1;
            self.committed = after;
        }
        Ok(())
    }

    fn read(&mut self, world: &mut World, most: usize) {
        match self.position.clone() {
            Position::History(history) => self.read_stored(world, history, most),
            Position::Stream(stream) => self.read_stream(world, stream, most),
        }
    }

    fn read_stored(&mut self, world: &World, mut history: HistoryPosition, most: usize) {
        let after = match history.finished {
            HistoryProgress::Unstamped { .. } => history.behind,
            HistoryProgress::Stamped { after } => after,
        };
        let Some(page) = world.stored(&history, after, most) else { return self.lose(world) };
        if page.is_empty() {
            if !history.snapshot {
                self.handed.complete_up_to(history.until);
            }
            self.position = after_pass(&history, &self.handed, at(world.now));
            return;
        }
        for message in page {
            let verdict = self.handed.in_history(&message.mark(), &history);
            history.finished = HistoryProgress::Stamped { after: message.stamp };
            history.doubtful_until = self.handed.doubtful_behind(message.stamp);
            let position = Position::History(history.clone());
            if verdict != Verdict::Known {
                self.buffer.push((message, position.clone(), verdict == Verdict::Doubtful));
            }
            self.handed.note_history(message.mark(), &history);
            self.position = position;
        }
    }

    fn read_stream(&mut self, world: &mut World, mut stream: StreamPosition, most: usize) {
        let Some(events) = world.streamed(&stream.after, most) else { return self.lose(world) };
        for message in events {
            let verdict = self.handed.in_stream(&message.mark(), message.event, &stream);
            stream = stream.at(message.token());
            if verdict != Verdict::Known {
                let position = Position::Stream(stream.clone());
                self.buffer.push((message, position, verdict == Verdict::Doubtful));
                self.handed.note_streamed(&message.mark());
            }
            self.handed.complete_up_to_event(message.event);
        }
        self.position = Position::Stream(stream);
    }

    fn follow(&mut self, world: &mut World) {
        if let Position::Stream(stream) = self.position.clone() {
            self.read_stream(world, stream, usize::MAX);
            if matches!(&self.position, Position::Stream(stream) if stream.is_plain()) {
                self.handed = HandedOver::before(&self.position);
            }
        }
    }

    fn lose(&mut self, world: &World) {
        self.position = Position::History(after_loss(&self.position, &self.handed, at(world.now)));
    }
}

fn any_messages() -> impl Strategy<Value = Vec<Message>> {
    let message = (0_u32..4000, prop_oneof![4 => 1_u32..3, 1 => 1_u32..119]);
    proptest::collection::vec(message, 0..60).prop_map(|drawn| {
        // Stamps and events are unique.
        (0..)
            .zip(drawn)
            .map(|(number, (seconds, delay))| Message {
                stamp: ClusterTime { seconds: START - 1000 + seconds, increment: 2 * number + 1 },
                event: ClusterTime { seconds: START - 1000 + seconds + delay, increment: 2 * number + 2 },
            })
            .collect()
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u32..400).prop_map(Step::Wait),
        6 => (1_usize..8).prop_map(Step::Read),
        6 => (1_usize..8).prop_map(Step::Handle),
        1 => Just(Step::Follow),
        1 => Just(Step::Crash),
        1 => Just(Step::Refuse),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_is_lost_and_what_comes_twice_is_marked(
        messages in any_messages(),
        steps in proptest::collection::vec(any_step(), 0..80),
        oplog_seconds in prop_oneof![Just(5_u32), 5_u32..400],
        from_beginning: bool,
    ) {
        let mut world = World { messages, now: START, oplog_seconds, refuses: false };
        let start = if from_beginning {
            Position::beginning(at(START))
        } else {
            Position::behind(StreamToken::after(at(START)))
        };
        let mut group = Group::new(start);
        for step in steps {
            match step {
                Step::Wait(seconds) => world.now += seconds,
                Step::Read(most) => group.read(&mut world, most),
                Step::Handle(count) => group.handle(count)?,
                Step::Follow => group.follow(&mut world),
                Step::Crash => group.crash(),
                Step::Refuse => world.refuses = true,
            }
        }
        // Then nothing happens any more, and it catches up.
        world.now += 10_000;
        for _ in 0..200 {
            world.now += 1;
            group.read(&mut world, 8);
            group.handle(8)?;
        }
        let is_groups = |message: &&Message| from_beginning || message.event > at(START);
        for message in world.messages.iter().filter(is_groups) {
            prop_assert!(group.handled.contains_key(&message.stamp), "{message:?} is lost");
        }
    }

    #[test]
    fn without_a_crash_the_beginning_is_read_once(
        messages in any_messages(),
        steps in proptest::collection::vec(any_step(), 0..80),
        oplog_seconds in prop_oneof![Just(5_u32), 5_u32..400],
    ) {
        let mut world = World { messages, now: START, oplog_seconds, refuses: false };
        let mut group = Group::new(Position::beginning(at(START)));
        for step in steps {
            match step {
                Step::Wait(seconds) => world.now += seconds,
                Step::Read(most) => group.read(&mut world, most),
                Step::Handle(count) => group.handle(count)?,
                Step::Follow | Step::Crash | Step::Refuse => world.refuses = true,
            }
        }
        world.now += 10_000;
        for _ in 0..200 {
            world.now += 1;
            group.read(&mut world, 8);
            group.handle(8)?;
        }
        for message in &world.messages {
            prop_assert_eq!(group.handled.get(&message.stamp), Some(&1), "{:?}", message);
        }
    }
}

#[test]
fn the_kind_of_pass_follows_from_what_it_would_bring() {
    let lost = |seconds| Position::behind(StreamToken::after(at(seconds)));
    let pass = |seconds| after_loss(&lost(seconds), &HandedOver::before(&lost(seconds)), at(10_000));
    let long_ago = pass(5000);
    assert_eq!((long_ago.behind, long_ago.until, long_ago.snapshot), (at(4880), at(9880), false));
    assert_eq!(long_ago.doubtful_until, Some(at(5000)));
    let just_now = pass(9990);
    assert_eq!((just_now.behind, just_now.until, just_now.snapshot), (at(9870), at(10_000), true));

    let unread = StreamPosition::behind_history(at(9870));
    let position = Position::Stream(unread);
    let handed_on = after_loss(&position, &HandedOver::before(&position), at(10_000));
    assert_eq!((handed_on.behind, handed_on.snapshot), (at(9870), true), "the oplog is too short");
    assert_eq!(handed_on.doubtful_until, None);
}
