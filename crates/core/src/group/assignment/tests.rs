use std::ops::Range;

use proptest::prelude::*;

use super::*;

type Counts = BTreeMap<String, u32>;

fn member(id: &str) -> Candidate {
    Candidate {
        id: id.into(),
        instance_id: None,
        process: id.into(),
        topic: "orders".into(),
        partitions: None,
        declined: Vec::new(),
        is_manual: false,
    }
}

fn naming(id: &str, partitions: &[u32]) -> Candidate {
    Candidate { partitions: Some(partitions.into()), ..member(id) }
}

fn manual(id: &str, partitions: &[u32]) -> Candidate {
    Candidate { is_manual: true, ..naming(id, partitions) }
}

/// A member of each topic in each process.
fn subscribed_to_all(processes: u32, topics: u32) -> Vec<Candidate> {
    let member_of = |process: u32, topic: u32| Candidate {
        process: format!("p{process}"),
        topic: format!("t{topic}"),
        ..member(&format!("m{:02}", process * topics + topic))
    };
    (0..processes).flat_map(|process| (0..topics).map(move |topic| member_of(process, topic))).collect()
}

fn orders(count: u32) -> Counts {
    Counts::from([("orders".into(), count)])
}

fn had(member: &str, partitions: &[u32]) -> MemberPartitions {
    let topic = "orders".into();
    MemberPartitions { member: member.into(), instance_id: None, topic, partitions: partitions.into() }
}

fn with_instance(instance: &str, entry: MemberPartitions) -> MemberPartitions {
    MemberPartitions { instance_id: Some(instance.into()), ..entry }
}

type Owners<'a> = BTreeMap<(&'a str, u32), &'a str>;

fn owners(assigned: &[MemberPartitions]) -> Owners<'_> {
    let entries =
        assigned.iter().flat_map(|entry| entry.partitions.iter().map(move |partition| (entry, *partition)));
    entries.map(|(entry, partition)| ((entry.topic.as_str(), partition), entry.member.as_str())).collect()
}

/// Who has got what another member had.
fn takers<'a>(before: &Owners, after: &Owners<'a>) -> Vec<&'a str> {
    let is_taken = |(at, owner): &(_, &str)| before.get(at).is_some_and(|previous| previous != owner);
    after.clone().into_iter().filter(is_taken).map(|(_, owner)| owner).collect()
}

#[test]
fn a_group_begins_in_turns() {
    let group = [member("c"), member("a"), member("b")];
    assert_eq!(assign(&group, &orders(7), &[]), [had("a", &[0, 3, 6]), had("b", &[1, 4]), had("c", &[2, 5])]);
    assert_eq!(assign(&group, &orders(1), &[]), [had("a", &[0]), had("b", &[]), had("c", &[])]);
    assert_eq!(assign(&[], &orders(7), &[had("a", &[0])]), []);
}

#[test]
fn who_comes_gets_a_share_and_who_goes_leaves_one() {
    let before = [had("a", &[0, 2, 4]), had("c", &[1, 3, 5])];
    let group = [member("a"), member("b"), member("c")];
    let after = assign(&group, &orders(6), &before);
    assert_eq!(after, [had("a", &[0, 2]), had("b", &[4, 5]), had("c", &[1, 3])]);
    let gone = assign(&group[1..], &orders(6), &after);
    assert_eq!(gone, [had("b", &[0, 4, 5]), had("c", &[1, 2, 3])]);
}

/// `c` may have nothing of `a`, but something of `b`, which may have something of `a`.
#[test]
fn evenness_comes_by_a_chain_if_not_directly() {
    let group = [naming("a", &[0, 1, 2]), naming("b", &[2, 3]), naming("c", &[3])];
    let before = [had("a", &[0, 1, 2]), had("b", &[3]), had("c", &[])];
    assert_eq!(assign(&group, &orders(4), &before), [had("a", &[0, 1]), had("b", &[2]), had("c", &[3])]);
}

#[test]
fn what_cannot_be_even_is_as_even_as_it_can_be() {
    let group = [member("a"), naming("b", &[5, 9])];
    assert_eq!(assign(&group, &orders(6), &[]), [had("a", &[0, 1, 2, 3, 4]), had("b", &[5])]);
}

#[test]
fn manual_members_get_what_they_name_and_nothing_else() {
    let second = Candidate { instance_id: Some("two".into()), ..manual("n", &[1]) };
    let group = [member("a"), manual("m", &[0, 1, 9]), second];
    let with_second = |of_first: &[u32], of_second: &[u32]| {
        [had("a", &[2, 3]), had("m", of_first), with_instance("two", had("n", of_second))]
    };
    assert_eq!(assign(&group, &orders(4), &[had("a", &[0, 1, 2, 3])]), with_second(&[0, 1], &[]));
    for holder in [had("n", &[1]), with_instance("two", had("gone", &[1]))] {
        assert_eq!(assign(&group, &orders(4), &[holder]), with_second(&[0], &[1]));
    }
}

#[test]
fn a_process_with_a_manual_member_gets_less_of_the_rest() {
    let with_a = Candidate { process: "a".into(), ..manual("m", &[3]) };
    let group = [member("a"), member("b"), with_a];
    assert_eq!(assign(&group, &orders(4), &[]), [had("a", &[1]), had("b", &[0, 2]), had("m", &[3])]);
}

#[test]
fn what_a_member_declines_goes_to_others() {
    let declines = Candidate { declined: vec![0, 1], ..member("a") };
    let before = [had("a", &[0, 1]), had("b", &[2, 3])];
    let after = assign(&[declines.clone(), member("b")], &orders(4), &before);
    assert_eq!(after, [had("a", &[2, 3]), had("b", &[0, 1])]);
    assert_eq!(assign(&[declines], &orders(4), &before), [had("a", &[2, 3])]);
    let declined_manual = Candidate { declined: vec![1], ..manual("m", &[0, 1]) };
    assert_eq!(assign(&[member("b"), declined_manual], &orders(2), &[]), [had("b", &[1]), had("m", &[0])]);
}

#[test]
fn of_a_topic_that_is_yet_to_be_those_named_are_known() {
    let group = [member("a"), naming("b", &[4, 2, 4]), manual("m", &[7])];
    let assigned = assign(&group, &Counts::new(), &[]);
    assert_eq!(assigned, [had("a", &[2]), had("b", &[4]), had("m", &[7])]);
    assert_eq!(assign(&group[..1], &Counts::new(), &[had("a", &[1])]), [had("a", &[])]);
}

#[test]
fn an_instance_takes_over_only_from_who_is_gone() {
    let named = |id: &str| Candidate { instance_id: Some("one".into()), ..member(id) };
    let before = [with_instance("one", had("old", &[0, 1])), had("other", &[2, 3])];
    let after = assign(&[named("z"), member("other")], &orders(4), &before);
    assert_eq!(after, [before[1].clone(), with_instance("one", had("z", &[0, 1]))]);
    let before = [with_instance("one", had("old", &[0])), had("other", &[1])];
    let both = assign(&[named("z"), named("old"), member("other")], &orders(2), &before);
    assert_eq!(both[..2], before);
    let elsewhere = Candidate { topic: "letters".into(), ..named("old") };
    assert_eq!(assign(&[elsewhere, member("other")], &orders(2), &before)[1], had("other", &[0, 1]));
}

#[test]
fn of_two_that_have_the_same_the_first_counts() {
    let before = [had("b", &[0, 1]), had("a", &[1, 2, 3, 2])];
    let group = [member("a"), member("b")];
    assert_eq!(assign(&group, &orders(4), &before), [had("a", &[1, 2]), had("b", &[0, 3])]);
}

/// One partition of each topic is left over: not always for the same process.
#[test]
fn processes_are_even_over_all_topics() {
    let counts: Counts = (0..3).map(|topic| (format!("t{topic}"), 4)).collect();
    let mut group = Group { candidates: subscribed_to_all(3, 3), counts, previous: Vec::new() };
    assert_eq!(group.process_totals(&group.assign()), [4, 4, 4]);
    for (number, candidate) in group.candidates.iter().enumerate() {
        let partitions: &[u32] = [&[0, 3][..], &[1], &[2]][number / 3];
        let topic = candidate.topic.clone();
        group.previous.push(MemberPartitions { topic, ..had(&candidate.id, partitions) });
    }
    let after = group.assign();
    assert_eq!(group.process_totals(&after), [4, 4, 4]);
    assert_eq!(takers(&owners(&group.previous), &owners(&after)).len(), 2);
}

/// What `assign` is given.
#[derive(Debug, Clone)]
struct Group {
    candidates: Vec<Candidate>,
    counts: Counts,
    previous: Vec<MemberPartitions>,
}

impl Group {
    fn assign(&self) -> Vec<MemberPartitions> {
        assign(&self.candidates, &self.counts, &self.previous)
    }

    fn member(&self, id: &str) -> &Candidate {
        self.candidates.iter().find(|candidate| candidate.id == id).unwrap()
    }

    fn process_totals(&self, assigned: &[MemberPartitions]) -> Vec<usize> {
        let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in assigned {
            *totals.entry(&self.member(&entry.member).process).or_default() += entry.partitions.len();
        }
        totals.into_values().collect()
    }

    fn may_have(&self, candidate: &Candidate, partition: u32) -> bool {
        let names = |one: &Candidate| one.partitions.iter().flatten().any(|named| *named == partition);
        let is_named = || self.candidates.iter().any(|other| other.topic == candidate.topic && names(other));
        let exists = self.counts.get(&candidate.topic).map_or_else(is_named, |count| partition < *count);
        let reads = candidate.partitions.is_none() || names(candidate);
        exists && reads && !candidate.declined.contains(&partition)
    }

    /// Who may have a partition, wherever somebody may.
    fn eligible(&self) -> BTreeMap<(&str, u32), Vec<&Candidate>> {
        let mut eligible: BTreeMap<_, Vec<&Candidate>> = BTreeMap::new();
        for candidate in &self.candidates {
            for partition in (0..MANY).filter(|partition| self.may_have(candidate, *partition)) {
                eligible.entry((candidate.topic.as_str(), partition)).or_default().push(candidate);
            }
        }
        for readers in eligible.values_mut().filter(|readers| readers.iter().any(|reader| reader.is_manual)) {
            readers.retain(|reader| reader.is_manual);
        }
        eligible
    }

    /// What is to be as low as possible: unevenness of members, then of processes, then moves.
    fn price(&self, kept: &Owners, owners: &Owners) -> [usize; 3] {
        let unevenness = |part_of: fn(&Candidate) -> &str| {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for owner in owners.values() {
                *counts.entry(part_of(self.member(owner))).or_default() += 1;
            }
            counts.values().map(|count| count * count).sum()
        };
        [unevenness(|one| &one.id), unevenness(|one| &one.process), takers(kept, owners).len()]
    }

    /// Every way to assign the partitions.
    fn all_assignments<'a>(&'a self) -> Vec<Owners<'a>> {
        let mut all = vec![Owners::new()];
        for (at, readers) in self.eligible() {
            let with = |owners: &Owners<'a>, reader: &'a Candidate| {
                owners.clone().into_iter().chain([(at, reader.id.as_str())]).collect()
            };
            all = all.iter().flat_map(|owners| readers.iter().map(|reader| with(owners, reader))).collect();
        }
        all
    }

    /// Whoever may get one of the member's partitions, directly or by a chain, has at most one less.
    fn is_as_even_as_possible(&self, assigned: &[MemberPartitions]) -> bool {
        let (eligible, owners) = (self.eligible(), owners(assigned));
        let load = |id: &str| owners.values().filter(|owner| **owner == id).count();
        self.candidates.iter().filter(|candidate| !candidate.is_manual).all(|candidate| {
            let mut reached = BTreeSet::from([candidate.id.as_str()]);
            for _ in &self.candidates {
                let held = owners.iter().filter(|(_, owner)| reached.contains(*owner));
                let takers: Vec<&Candidate> = held.flat_map(|(at, _)| eligible[at].clone()).collect();
                reached.extend(takers.iter().map(|taker| taker.id.as_str()));
            }
            reached.iter().all(|taker| load(taker) + 1 >= load(&candidate.id))
        })
    }
}

/// More partitions than any topic here has.
const MANY: u32 = 16;

/// Of members that are there, and of some that are not; several may claim the same.
fn previous(partitions: u32) -> impl Strategy<Value = Vec<MemberPartitions>> {
    let entry = (0..9, prop::option::of(0..9), 0..3, prop::collection::vec(0..=partitions, 0..8)).prop_map(
        |(member, instance, topic, partitions)| MemberPartitions {
            instance_id: instance.map(|instance: i32| format!("i{instance}")),
            topic: format!("t{topic}"),
            ..had(&format!("m{member:02}"), &partitions)
        },
    );
    prop::collection::vec(entry, 0..8)
}

/// Two topics, of which one may not exist yet.
fn groups(members: usize, partitions: u32) -> impl Strategy<Value = Group> {
    let named = prop::option::weighted(0.7, prop::collection::vec(0..=partitions, 0..8));
    let declined = prop::collection::vec(0..=partitions, 0..3);
    let member = (0..2, 0..3, named, declined, prop::bool::weighted(0.2)).prop_map(
        |(topic, process, partitions, declined, is_manual): (i32, i32, Option<Vec<u32>>, _, _)| Candidate {
            process: format!("p{process}"),
            topic: format!("t{topic}"),
            is_manual: is_manual && partitions.is_some(),
            partitions,
            declined,
            ..member("")
        },
    );
    let candidates = prop::collection::vec(member, 1..=members);
    let counts = (0..=partitions, prop::option::weighted(0.8, 0..=partitions));
    (candidates, counts, previous(partitions)).prop_map(|(mut candidates, (count, other_count), previous)| {
        for (candidate, number) in candidates.iter_mut().zip(0..) {
            candidate.id = format!("m{number:02}");
            candidate.instance_id = Some(format!("i{number}"));
        }
        let mut counts = Counts::from([("t0".into(), count)]);
        counts.extend(other_count.map(|count| ("t1".into(), count)));
        Group { candidates, counts, previous }
    })
}

/// A member of each topic in each process, which reads all of it.
fn equals(processes: Range<u32>, topics: Range<usize>, partitions: u32) -> impl Strategy<Value = Group> {
    let counts = prop::collection::vec(0..partitions, topics);
    (processes, counts, previous(partitions)).prop_map(|(processes, counts, previous)| {
        let candidates = subscribed_to_all(processes, counts.len().try_into().unwrap());
        let names = (0..).map(|topic: u32| format!("t{topic}"));
        Group { candidates, counts: names.zip(counts).collect(), previous }
    })
}

/// Members of one topic, each in its own process, that have what is theirs.
fn settled() -> impl Strategy<Value = Group> {
    equals(1..9, 1..2, 60).prop_map(|group| Group { previous: group.assign(), ..group })
}

proptest! {
    #[test]
    fn every_partition_that_somebody_may_read_has_one_owner(group in groups(8, 12)) {
        let assigned = group.assign();
        let members = group.candidates.iter().map(|candidate| &candidate.id);
        prop_assert!(assigned.iter().map(|entry| &entry.member).eq(members));
        prop_assert!(assigned.iter().all(|entry| entry.partitions.is_sorted()));
        let (owners, eligible) = (owners(&assigned), group.eligible());
        prop_assert_eq!(owners.len(), assigned.iter().flat_map(|entry| &entry.partitions).count());
        prop_assert!(owners.keys().eq(eligible.keys()));
        prop_assert!(owners.iter().all(|(at, owner)| eligible[at].iter().any(|reader| reader.id == *owner)));
    }

    #[test]
    fn what_is_assigned_stays_in_whatever_order_it_is_given(group in groups(8, 12)) {
        let assigned = group.assign();
        let Group { mut candidates, counts, mut previous } = group;
        prop_assert_eq!(&assign(&candidates, &counts, &assigned), &assigned);
        candidates.reverse();
        previous.reverse();
        prop_assert_eq!(assign(&candidates, &counts, &previous), assigned);
    }

    #[test]
    fn members_are_as_even_as_they_can_be(group in groups(8, 12)) {
        prop_assert!(group.is_as_even_as_possible(&group.assign()));
    }

    #[test]
    fn nothing_is_cheaper(mut group in groups(5, 3)) {
        for candidate in &mut group.candidates {
            (candidate.instance_id, candidate.is_manual) = (None, false);
        }
        group.previous.sort_by(|one, other| other.member.cmp(&one.member));
        let (assigned, eligible) = (group.assign(), group.eligible());
        let mut kept = owners(&group.previous);
        kept.retain(|at, owner| eligible.get(at).is_some_and(|to| to.iter().any(|one| one.id == *owner)));
        let least = group.all_assignments().iter().map(|owners| group.price(&kept, owners)).min();
        prop_assert_eq!(Some(group.price(&kept, &owners(&assigned))), least);
    }

    #[test]
    fn equals_get_equal_shares(group in equals(1..6, 1..4, MANY)) {
        let assigned = group.assign();
        prop_assert!(group.is_as_even_as_possible(&assigned));
        let totals = group.process_totals(&assigned);
        prop_assert!(totals.iter().max().unwrap() - totals.iter().min().unwrap() <= 1);
    }

    #[test]
    fn successors_get_what_their_instances_had(mut group in groups(8, 12)) {
        group.previous = group.assign();
        let mut expected = group.previous.clone();
        for (number, (candidate, entry)) in group.candidates.iter_mut().zip(&mut expected).enumerate() {
            candidate.id = format!("n{}", 9 - number);
            entry.member.clone_from(&candidate.id);
        }
        expected.reverse();
        prop_assert_eq!(group.assign(), expected);
    }

    #[test]
    fn a_newcomer_gets_its_share_and_nobody_else_gets_anything(mut group in settled()) {
        group.candidates.push(Candidate { topic: "t0".into(), ..member("a newcomer") });
        let assigned = group.assign();
        let takers = takers(&owners(&group.previous), &owners(&assigned));
        let share = group.counts["t0"] as usize / group.candidates.len();
        prop_assert_eq!(takers, vec!["a newcomer"; share]);
    }

    #[test]
    fn only_what_is_free_changes_hands(mut group in settled(), gone in 0_usize..9, more in 0_u32..20) {
        *group.counts.get_mut("t0").unwrap() += more;
        if gone < group.candidates.len() {
            group.candidates.remove(gone);
        }
        let assigned = group.assign();
        let gone = format!("m{gone:02}");
        let mut kept = owners(&group.previous);
        kept.retain(|_, owner| *owner != gone);
        prop_assert!(takers(&kept, &owners(&assigned)).is_empty());
    }
}
