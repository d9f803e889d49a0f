//! Which member of a group reads which partition. Pure.
//!
//! What is wanted has prices, and the cheapest assignment is taken. The n-th partition of a member costs n, so that
//! even is cheaper than uneven; so does, for less money, the n-th partition of a process; and a move costs least.
//!
//! Partitions are placed one after the other, each by the cheapest chain of hands: a member takes it, and may give
//! another one on, whose taker may do the same. After each what has been placed is as cheap as it can be: it is a flow
//! of minimum cost, found by successive shortest paths. That is why nothing moves for nothing, and why an assignment
//! that is made again from its own result is the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// A member of a group, as far as the assignment cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Names the member; never used again for another one.
    pub id: String,
    /// Name that outlives a restart, if it has one.
    pub instance_id: Option<String>,
    /// The process that it lives in.
    pub process: String,
    /// Topic that it reads. A member reads one topic; a process may have several members in a group.
    pub topic: String,
    /// Partitions that it reads; `None`: all of the topic.
    pub partitions: Option<Vec<u32>>,
    /// Partitions that it could not read: not offered to it.
    pub declined: Vec<u32>,
    /// It reads exactly what it names (`partitions`), whoever else is there (`assignment: 'manual'`).
    pub is_manual: bool,
}

/// The partitions of one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberPartitions {
    /// Id of the member.
    pub member: String,
    /// Name of the member that outlives a restart, if it has one.
    pub instance_id: Option<String>,
    /// Topic that the member reads.
    pub topic: String,
    /// Ascending.
    pub partitions: Vec<u32>,
}

/// Assigns every partition that somebody may read to one member. One entry per candidate, by member id.
///
/// `partition_counts` knows the topics that exist; of another one the partitions are those that its candidates name.
/// `previous` is what was assigned before. It may name members that are gone, and it may be damaged.
pub fn assign(
    candidates: &[Candidate],
    partition_counts: &BTreeMap<String, u32>,
    previous: &[MemberPartitions],
) -> Vec<MemberPartitions> {
    let mut members: Vec<&Candidate> = candidates.iter().collect();
    members.sort_by(|one, other| (&one.topic, &one.id).cmp(&(&other.topic, &other.id)));
    let holders = previous_holders(&members, previous);
    let mut plan = Plan::new(&members, offers(&members, partition_counts, &holders));
    for offer in plan.placing_order() {
        plan.place(offer);
    }
    let mut assigned: Vec<MemberPartitions> = members.into_iter().map(without_partitions).collect();
    for offer in plan.offers {
        if let Some(holder) = offer.holder {
            assigned[holder].partitions.push(offer.partition);
        }
    }
    assigned.sort_by(|one, other| one.member.cmp(&other.member));
    assigned
}

fn without_partitions(member: &Candidate) -> MemberPartitions {
    let Candidate { id, instance_id, topic, .. } = member.clone();
    MemberPartitions { member: id, instance_id, topic, partitions: Vec::new() }
}

/// Who had a partition, by number; `None`: a member that is gone.
type Holders<'a> = BTreeMap<(&'a str, u32), Option<usize>>;

fn previous_holders<'a>(members: &[&Candidate], previous: &'a [MemberPartitions]) -> Holders<'a> {
    let mut by_id = BTreeMap::new();
    let mut by_instance = BTreeMap::new();
    for (number, member) in members.iter().enumerate() {
        by_id.insert(&member.id, number);
        if let Some(instance) = &member.instance_id {
            by_instance.entry((instance, &member.topic)).or_insert(number);
        }
    }
    let mut entries: Vec<&MemberPartitions> = previous.iter().collect();
    entries.sort_by_key(|entry| (&entry.member, &entry.instance_id));
    let mut holders = Holders::new();
    for entry in entries {
        let successor = || by_instance.get(&(entry.instance_id.as_ref()?, &entry.topic));
        let holder = by_id.get(&entry.member).or_else(successor).copied();
        for partition in &entry.partitions {
            holders.entry((&entry.topic, *partition)).or_insert(holder);
        }
    }
    holders
}

/// A partition, and who may have it.
struct Offer {
    partition: u32,
    /// Members by number, ascending.
    eligible: Vec<usize>,
    /// Who had it and may keep it.
    previous: Option<usize>,
    holder: Option<usize>,
}

impl Offer {
    /// Where a manual member reads, no other does, and nothing is left to decide.
    fn new(partition: u32, readers: Vec<usize>, members: &[&Candidate], previous: Option<usize>) -> Self {
        let manual: Vec<usize> =
            readers.iter().copied().filter(|reader| members[*reader].is_manual).collect();
        let is_pinned = !manual.is_empty();
        let eligible = if is_pinned { manual } else { readers };
        let previous = previous.filter(|member| eligible.binary_search(member).is_ok());
        let holder = previous.or(eligible.first().copied()).filter(|_| is_pinned);
        Self { partition, eligible, previous, holder }
    }

    fn price_for(&self, member: usize) -> Price {
        if self.previous.is_some_and(|previous| previous != member) { OF_MOVE } else { 0 }
    }
}

/// All partitions, by topic and number.
fn offers(members: &[&Candidate], counts: &BTreeMap<String, u32>, holders: &Holders) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut first_reader = 0;
    for readers in members.chunk_by(|one, other| one.topic == other.topic) {
        let topic = &readers[0].topic;
        let partitions = counts.get(topic).map_or_else(|| named_by(readers), |count| (0..*count).collect());
        let mut eligible = vec![Vec::new(); partitions.len()];
        for (reader, number) in readers.iter().zip(first_reader..) {
            for place in readable(reader, &partitions) {
                eligible[place].push(number);
            }
        }
        for (partition, eligible) in partitions.into_iter().zip(eligible) {
            let previous = holders.get(&(topic, partition)).copied().flatten();
            offers.push(Offer::new(partition, eligible, members, previous));
        }
        first_reader += readers.len();
    }
    offers
}

fn named_by(readers: &[&Candidate]) -> Vec<u32> {
    let named: BTreeSet<u32> =
        readers.iter().filter_map(|reader| reader.partitions.clone()).flatten().collect();
    named.into_iter().collect()
}

/// Which of the partitions may be offered to it.
fn readable(reader: &Candidate, partitions: &[u32]) -> Vec<usize> {
    let named: Option<BTreeSet<&u32>> = reader.partitions.as_ref().map(|named| named.iter().collect());
    let declined: BTreeSet<&u32> = reader.declined.iter().collect();
    let may_read = |partition| {
        named.as_ref().is_none_or(|named| named.contains(partition)) && !declined.contains(partition)
    };
    (0..partitions.len()).filter(|place| may_read(&partitions[*place])).collect()
}

type Price = i128;

/// Times n for the n-th partition of a member.
const OF_MEMBER: Price = 1 << 80;
/// Times n for the n-th partition of a process. All of these together are less than one of the above.
const OF_PROCESS: Price = 1 << 40;
/// For a partition that could have stayed where it was.
const OF_MOVE: Price = 1;

/// How a chain comes to a place.
#[derive(Clone, Copy)]
enum Step {
    /// The member takes the partition that is being placed.
    Take,
    /// The member takes this one from another member.
    TakeFrom { giver: usize, offer: usize },
    /// The process counts one more, which its member has taken.
    Count { member: usize },
    /// The member has one less, because another one of its process has one more.
    GiveUp { process: usize },
}

/// What a member has been given, and may give on.
struct Seat {
    process: usize,
    held: BTreeSet<usize>,
    first_reader: usize,
    /// For each reader of the topic, from the first on, what it can have at the best price.
    gifts: Vec<Option<(Price, usize)>>,
}

impl Seat {
    fn consider(&mut self, member: usize, number: usize, offer: &Offer) {
        for taker in &offer.eligible {
            let gift = (offer.price_for(*taker) - offer.price_for(member), number);
            let best = &mut self.gifts[*taker - self.first_reader];
            *best = Some(best.map_or(gift, |best| best.min(gift)));
        }
    }
}

#[derive(Default)]
struct Process {
    members: Vec<usize>,
    /// Partitions of its members, also those that are pinned.
    total: usize,
}

/// The places that chains go through are the processes and, numbered after them, the members.
struct Plan {
    offers: Vec<Offer>,
    seats: Vec<Seat>,
    processes: Vec<Process>,
    /// What it is worth to be at a place, as far as earlier chains have shown it. A step costs at least what it gains in
    /// worth, so that the cheapest chain is found without looking at all of them (Dijkstra with potentials).
    worth: Vec<Price>,
}

impl Plan {
    fn new(members: &[&Candidate], offers: Vec<Offer>) -> Self {
        let names: BTreeSet<&str> = members.iter().map(|member| member.process.as_str()).collect();
        let by_name: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        let mut processes: Vec<Process> = by_name.iter().map(|_| Process::default()).collect();
        let mut seats: Vec<Seat> = Vec::with_capacity(members.len());
        for readers in members.chunk_by(|one, other| one.topic == other.topic) {
            let first_reader = seats.len();
            for reader in readers {
                let process = by_name[reader.process.as_str()];
                processes[process].members.push(seats.len());
                let gifts = vec![None; readers.len()];
                seats.push(Seat { process, held: BTreeSet::new(), first_reader, gifts });
            }
        }
        for holder in offers.iter().filter_map(|offer| offer.holder) {
            processes[seats[holder].process].total += 1;
        }
        let worth = vec![0; processes.len() + seats.len()];
        Self { offers, seats, processes, worth }
    }

    /// The first of each member, then the second of each, and what nobody had at the end: what has been placed is even
    /// all the way, which keeps chains short.
    fn placing_order(&self) -> Vec<usize> {
        let mut had = vec![0_usize; self.seats.len()];
        let mut order = Vec::with_capacity(self.offers.len());
        for (number, offer) in self.offers.iter().enumerate().filter(|(_, offer)| offer.holder.is_none()) {
            let turn = offer.previous.map_or(usize::MAX, |member| {
                had[member] += 1;
                had[member]
            });
            order.push((turn, number));
        }
        order.sort_unstable();
        order.into_iter().map(|(_, number)| number).collect()
    }

    fn place(&mut self, offer: usize) {
        let mut chains = Chains::new(self.worth.len());
        for member in &self.offers[offer].eligible {
            self.reach(
                &mut chains,
                self.place_of(*member),
                self.offers[offer].price_for(*member),
                Step::Take,
            );
        }
        let mut cheapest: Option<(Price, usize)> = None;
        while let Some((price, place)) = chains.next() {
            if cheapest.is_some_and(|(cheapest, _)| cheapest <= price) {
                break;
            }
            let so_far = price + self.worth[place];
            if let Some(member) = place.checked_sub(self.processes.len()) {
                self.go_on_from_member(member, so_far, &mut chains);
            } else {
                let end = (so_far + OF_PROCESS * (self.processes[place].total + 1) as Price, place);
                cheapest = Some(cheapest.map_or(end, |cheapest| cheapest.min(end)));
                self.go_on_from_process(place, so_far, &mut chains);
            }
        }
        if let Some((price, process)) = cheapest {
            chains.appraise(price, &mut self.worth);
            self.hand_over(offer, process, &chains);
        }
    }

    fn place_of(&self, member: usize) -> usize {
        self.processes.len() + member
    }

    fn reach(&self, chains: &mut Chains, place: usize, price: Price, step: Step) {
        chains.reach(place, price - self.worth[place], step);
    }

    fn go_on_from_member(&self, member: usize, so_far: Price, chains: &mut Chains) {
        let seat = &self.seats[member];
        let counted = so_far + OF_MEMBER * (seat.held.len() + 1) as Price;
        self.reach(chains, seat.process, counted, Step::Count { member });
        for (gift, taker) in seat.gifts.iter().zip(seat.first_reader..) {
            if let Some((price, offer)) = *gift {
                let step = Step::TakeFrom { giver: member, offer };
                self.reach(chains, self.place_of(taker), so_far + price, step);
            }
        }
    }

    fn go_on_from_process(&self, process: usize, so_far: Price, chains: &mut Chains) {
        for member in &self.processes[process].members {
            let held = self.seats[*member].held.len();
            if held > 0 {
                let given_up = so_far - OF_MEMBER * held as Price;
                self.reach(chains, self.place_of(*member), given_up, Step::GiveUp { process });
            }
        }
    }

    /// Goes back along the chain that ends with the process.
    fn hand_over(&mut self, placed: usize, process: usize, chains: &Chains) {
        self.processes[process].total += 1;
        let mut place = process;
        while let Some((_, step)) = chains.reached[place] {
            match step {
                Step::Count { member } => place = self.place_of(member),
                Step::GiveUp { process } => place = process,
                Step::TakeFrom { giver, offer } => {
                    self.take_back(offer, giver);
                    self.give(offer, place - self.processes.len());
                    place = self.place_of(giver);
                }
                Step::Take => return self.give(placed, place - self.processes.len()),
            }
        }
    }

    fn give(&mut self, offer: usize, taker: usize) {
        self.offers[offer].holder = Some(taker);
        self.seats[taker].held.insert(offer);
        self.seats[taker].consider(taker, offer, &self.offers[offer]);
    }

    fn take_back(&mut self, offer: usize, giver: usize) {
        let seat = &mut self.seats[giver];
        seat.held.remove(&offer);
        seat.gifts.fill(None);
        for kept in seat.held.clone() {
            seat.consider(giver, kept, &self.offers[kept]);
        }
    }
}

/// The chains that are looked at for one partition.
struct Chains {
    /// By place: what the cheapest way there costs, less the worth of the place, and the last step of it.
    reached: Vec<Option<(Price, Step)>>,
    ahead: BinaryHeap<Reverse<(Price, usize)>>,
}

impl Chains {
    fn new(places: usize) -> Self {
        Self { reached: vec![None; places], ahead: BinaryHeap::new() }
    }

    fn reach(&mut self, place: usize, price: Price, step: Step) {
        if self.reached[place].is_none_or(|(known, _)| price < known) {
            self.reached[place] = Some((price, step));
            self.ahead.push(Reverse((price, place)));
        }
    }

    /// The cheapest place from which no chain has gone on yet; at one price a process, where a chain can end.
    fn next(&mut self) -> Option<(Price, usize)> {
        while let Some(Reverse((price, place))) = self.ahead.pop() {
            if self.reached[place].is_some_and(|(known, _)| known == price) {
                return Some((price, place));
            }
        }
        None
    }

    fn appraise(&self, cheapest: Price, worth: &mut [Price]) {
        for (worth, reached) in worth.iter_mut().zip(&self.reached) {
            *worth += reached.map_or(0, |(price, _)| (price - cheapest).min(0));
        }
    }
}

#[cfg(test)]
mod tests;
