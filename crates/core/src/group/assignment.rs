//! Which member of a group reads which partition. Pure.
//!
//! What is wanted is written as a price, and the cheapest assignment is taken. The n-th partition of a member costs n,
//! so that even is cheaper than uneven; so does, less important, the n-th partition of a process; and least important,
//! each move costs one. See [`Price`].
//!
//! Partitions are placed one after the other, each by the cheapest chain of hands: it goes to a member, which may give
//! one of its own to another, and so on. That is a flow of least cost by successive shortest paths: after every step
//! what is placed so far is placed as cheaply as possible. So nothing is left to luck: what is cheapest already stays,
//! and an assignment that is made again from its own result is the same.

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPartitions {
    /// `Candidate::id`.
    pub member: String,
    /// `Candidate::instance_id`.
    pub instance_id: Option<String>,
    /// Topic of the partitions.
    pub topic: String,
    /// Ascending.
    pub partitions: Vec<u32>,
}

/// Assigns every partition that somebody may read to one member. One entry per candidate, by member id.
///
/// `partition_counts` knows the topics that exist. Of another one the partitions are those that its candidates name.
/// `previous` is what holds now; who is not a candidate any more may be in it, and it may be damaged. The result does
/// not depend on the order of what is given, and is the same when it is `previous`.
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
    let mut result: Vec<MemberPartitions> = members.iter().map(|member| without_partitions(member)).collect();
    for offer in plan.offers {
        if let Some(holder) = offer.holder {
            result[holder].partitions.push(offer.partition);
        }
    }
    result.sort_by(|one, other| one.member.cmp(&other.member));
    result
}

fn without_partitions(member: &Candidate) -> MemberPartitions {
    MemberPartitions {
        member: member.id.clone(),
        instance_id: member.instance_id.clone(),
        topic: member.topic.clone(),
        partitions: Vec::new(),
    }
}

/// The members, by number, that had the partitions. `None`: it had one that is gone.
type Holders<'a> = BTreeMap<(&'a str, u32), Option<usize>>;

fn previous_holders<'a>(members: &[&Candidate], previous: &'a [MemberPartitions]) -> Holders<'a> {
    let by_id: BTreeMap<&str, usize> =
        members.iter().enumerate().map(|(number, member)| (member.id.as_str(), number)).collect();
    let mut by_instance = BTreeMap::new();
    for (number, member) in members.iter().enumerate() {
        if let Some(instance) = &member.instance_id {
            by_instance.entry((instance.as_str(), member.topic.as_str())).or_insert(number);
        }
    }
    let mut entries: Vec<&MemberPartitions> = previous.iter().collect();
    entries.sort_by_key(|entry| (&entry.member, &entry.instance_id));
    let mut holders = Holders::new();
    for entry in entries {
        let topic = entry.topic.as_str();
        let successor = || by_instance.get(&(entry.instance_id.as_deref()?, topic)).copied();
        let holder = by_id.get(entry.member.as_str()).copied().or_else(successor);
        for partition in &entry.partitions {
            holders.entry((topic, *partition)).or_insert(holder);
        }
    }
    holders
}

/// A partition, and who may have it.
struct Offer {
    partition: u32,
    /// Members, by number; ascending.
    eligible: Vec<usize>,
    /// Who had it, if it may keep it.
    previous: Option<usize>,
    /// It is a manual member's, and is not up for balance.
    is_pinned: bool,
    holder: Option<usize>,
}

impl Offer {
    fn new(partition: u32, eligible: Vec<usize>, members: &[&Candidate], previous: Option<usize>) -> Self {
        let manual: Vec<usize> =
            eligible.iter().copied().filter(|member| members[*member].is_manual).collect();
        let is_pinned = !manual.is_empty();
        let eligible = if is_pinned { manual } else { eligible };
        let previous = previous.filter(|member| eligible.binary_search(member).is_ok());
        let holder = if is_pinned { previous.or(eligible.first().copied()) } else { None };
        Self { partition, eligible, previous, is_pinned, holder }
    }

    fn price_for(&self, member: usize) -> Price {
        if self.previous.is_some_and(|previous| previous != member) { OF_MOVE } else { 0 }
    }
}

/// All partitions, by topic and number.
fn offers(members: &[&Candidate], counts: &BTreeMap<String, u32>, holders: &Holders) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut first = 0;
    for readers in members.chunk_by(|one, other| one.topic == other.topic) {
        let topic = readers[0].topic.as_str();
        let partitions = partitions_of(readers, counts.get(topic).copied());
        let mut eligible = vec![Vec::new(); partitions.len()];
        for (reader, number) in readers.iter().zip(first..) {
            for index in readable(reader, &partitions) {
                eligible[index].push(number);
            }
        }
        for (partition, eligible) in partitions.into_iter().zip(eligible) {
            let previous = holders.get(&(topic, partition)).copied().flatten();
            offers.push(Offer::new(partition, eligible, members, previous));
        }
        first += readers.len();
    }
    offers
}

fn partitions_of(readers: &[&Candidate], count: Option<u32>) -> Vec<u32> {
    let Some(count) = count else {
        let named: BTreeSet<u32> =
            readers.iter().flat_map(|reader| reader.partitions.iter().flatten().copied()).collect();
        return named.into_iter().collect();
    };
    (0..count).collect()
}

/// Where in `partitions` those are that may be offered to it.
fn readable(reader: &Candidate, partitions: &[u32]) -> Vec<usize> {
    let named: Option<BTreeSet<u32>> =
        reader.partitions.as_ref().map(|named| named.iter().copied().collect());
    let declined: BTreeSet<u32> = reader.declined.iter().copied().collect();
    let is_readable = |partition: &u32| {
        named.as_ref().is_none_or(|named| named.contains(partition)) && !declined.contains(partition)
    };
    (0..partitions.len()).filter(|index| is_readable(&partitions[*index])).collect()
}

/// What a step or a chain of steps costs.
type Price = i128;

/// Times n for the n-th partition of a member.
const OF_MEMBER: Price = 1 << 80;
/// Times n for the n-th partition of a process. Far more of these than there can be are less than one of the above.
const OF_PROCESS: Price = 1 << 40;
/// For a partition that could have stayed where it was.
const OF_MOVE: Price = 1;

/// How a chain comes to a place.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The member takes the partition that is being placed.
    Take,
    /// The member takes a partition from another one.
    TakeFrom { giver: usize, offer: usize },
    /// The process counts what its member has taken.
    Count { member: usize },
    /// The member gives one up, for the one that another member of its process has taken.
    GiveUp { process: usize },
}

/// A member while partitions are placed.
struct Seat {
    process: usize,
    /// What it has been given, and may give on.
    held: BTreeSet<usize>,
    /// The first member of its topic.
    first_reader: usize,
    /// For each member of its topic what can be given to it at the least price.
    gifts: Vec<Option<(Price, usize)>>,
}

impl Seat {
    fn consider(&mut self, number: usize, offer: &Offer, at: usize) {
        for taker in &offer.eligible {
            let gift = (offer.price_for(*taker) - offer.price_for(number), at);
            let best = &mut self.gifts[*taker - self.first_reader];
            if best.is_none_or(|best| gift < best) {
                *best = Some(gift);
            }
        }
    }
}

#[derive(Default)]
struct Process {
    members: Vec<usize>,
    /// Partitions of its members, also those that are pinned.
    total: usize,
}

struct Plan {
    offers: Vec<Offer>,
    seats: Vec<Seat>,
    processes: Vec<Process>,
    /// By place: what chains so far have shown it to be worth to get there. Prices less what is gained in worth are
    /// never below zero, so that the cheapest chain is known before all are looked at.
    worth: Vec<Price>,
}

/// Places that a chain comes to are numbered, processes before members. One partition too many is there.
impl Plan {
    fn new(members: &[&Candidate], offers: Vec<Offer>) -> Self {
        let names: BTreeSet<&str> = members.iter().map(|member| member.process.as_str()).collect();
        let by_name: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        let mut processes: Vec<Process> = by_name.iter().map(|_| Process::default()).collect();
        let mut seats = Vec::with_capacity(members.len());
        for readers in members.chunk_by(|one, other| one.topic == other.topic) {
            let first_reader = seats.len();
            for member in readers {
                let process = by_name[member.process.as_str()];
                processes[process].members.push(seats.len());
                seats.push(Seat {
                    process,
                    held: BTreeSet::new(),
                    first_reader,
                    gifts: vec![None; readers.len()],
                });
            }
        }
        for holder in offers.iter().filter_map(|offer| offer.holder) {
            processes[seats[holder].process].total += 1;
        }
        let worth = vec![0; processes.len() + seats.len()];
        Self { offers, seats, processes, worth }
    }

    /// The first of each member, then the second of each, and what nobody has at the end: so what is placed is even all
    /// the way, and chains are short.
    fn placing_order(&self) -> Vec<usize> {
        let mut had = vec![0_usize; self.seats.len()];
        let mut order = Vec::with_capacity(self.offers.len());
        for (number, offer) in self.offers.iter().enumerate().filter(|(_, offer)| offer.holder.is_none()) {
            let nth = offer.previous.map(|member| {
                had[member] += 1;
                had[member]
            });
            order.push((nth.is_none(), nth, number));
        }
        order.sort_unstable();
        order.into_iter().map(|(_, _, number)| number).collect()
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
                continue;
            }
            let end = so_far + OF_PROCESS * (self.processes[place].total + 1) as Price;
            if cheapest.is_none_or(|(cheapest, _)| end < cheapest) {
                cheapest = Some((end, place));
            }
            self.go_on_from_process(place, so_far, &mut chains);
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
                self.reach(
                    chains,
                    self.place_of(taker),
                    so_far + price,
                    Step::TakeFrom { giver: member, offer },
                );
            }
        }
    }

    fn go_on_from_process(&self, process: usize, so_far: Price, chains: &mut Chains) {
        for member in &self.processes[process].members {
            let held = self.seats[*member].held.len();
            if held > 0 {
                let price = so_far - OF_MEMBER * held as Price;
                self.reach(chains, self.place_of(*member), price, Step::GiveUp { process });
            }
        }
    }

    /// Goes back along the chain that ends in the process.
    fn hand_over(&mut self, placed: usize, process: usize, chains: &Chains) {
        self.processes[process].total += 1;
        let mut place = process;
        while let Some((_, step)) = chains.reached[place] {
            match step {
                Step::Count { member } => place = self.place_of(member),
                Step::GiveUp { process } => place = process,
                Step::Take => return self.give(placed, place - self.processes.len()),
                Step::TakeFrom { giver, offer } => {
                    self.take_back(offer, giver);
                    self.give(offer, place - self.processes.len());
                    place = self.place_of(giver);
                }
            }
        }
    }

    fn give(&mut self, offer: usize, taker: usize) {
        self.offers[offer].holder = Some(taker);
        self.seats[taker].held.insert(offer);
        self.seats[taker].consider(taker, &self.offers[offer], offer);
    }

    fn take_back(&mut self, offer: usize, giver: usize) {
        let seat = &mut self.seats[giver];
        seat.held.remove(&offer);
        seat.gifts.fill(None);
        for held in seat.held.clone() {
            seat.consider(giver, &self.offers[held], held);
        }
    }
}

/// The chains that are looked at for one partition.
struct Chains {
    /// By place: what the cheapest way there costs, less its worth, and the last step of that way.
    reached: Vec<Option<(Price, Step)>>,
    /// Where to go on. At the same price a process comes before members: a chain that ends before one that goes on.
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

    fn next(&mut self) -> Option<(Price, usize)> {
        loop {
            let Reverse((price, place)) = self.ahead.pop()?;
            if self.reached[place].is_some_and(|(known, _)| known == price) {
                return Some((price, place));
            }
        }
    }

    fn appraise(&self, cheapest: Price, worth: &mut [Price]) {
        for (worth, reached) in worth.iter_mut().zip(&self.reached) {
            if let Some((price, _)) = reached.filter(|(price, _)| *price < cheapest) {
                *worth += price - cheapest;
            }
        }
    }
}

#[cfg(test)]
mod tests;
