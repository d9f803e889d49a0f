//! When a group has settled: whoever is subscribed is a member, every partition that one of them reads is owned by the
//! member that it is assigned to, and nobody has much more than another who reads the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use csb_core::group::group_record::{MemberRecord, MemberState};
use csb_core::runtime::clock;
use csb_core::store::contract::OffsetKey;

use super::plan::{TOPIC, group_id};
use super::verdict::Finding;
use super::world::World;

/// Sessions, handover timeouts and handlers that get stuck together need less.
const LONGEST: Duration = Duration::from_mins(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until all groups have settled. Says how long it took, and what is wrong if they do not.
pub(super) async fn settle(world: &World) -> (Option<Finding>, Duration) {
    let since = clock::now();
    loop {
        let mut problems = Vec::new();
        for group in 0..world.plan.groups.len() {
            problems.extend(problems_of(world, group).await);
        }
        let took = since.elapsed();
        if problems.is_empty() {
            return (None, took);
        }
        if took > LONGEST {
            problems.truncate(10);
            let text = format!("not settled within {} s of virtual time: {problems:?}", LONGEST.as_secs());
            return (Some(Finding::new(text)), took);
        }
        clock::sleep(LOOK_EVERY).await;
    }
}

async fn problems_of(world: &World, group: usize) -> Vec<String> {
    let id = group_id(group);
    let members = world.server.load_members(&id).await.expect("no faults here");
    let living = members.into_iter().map(|member| member.record);
    let living: Vec<_> = living.filter(|member| member.state != MemberState::Fenced).collect();
    let mut problems = strangers(&living, &world.subscribed_consumers().remove(&id).unwrap_or_default());
    let mut owned: BTreeMap<&str, u32> = living.iter().map(|member| (member.id.as_str(), 0)).collect();
    let assigned = assigned_members(world, &id).await;
    for partition in 0..world.plan.partitions {
        if !living.iter().any(|member| reads(member, partition)) {
            continue;
        }
        let owner = owner_of(world, &id, partition).await;
        match owner.as_deref().and_then(|owner| owned.get_mut(owner)) {
            Some(count) => *count += 1,
            None => problems.push(format!("{id}[{partition}] is owned by {owner:?}")),
        }
        if assigned.get(&partition) != owner.as_ref() {
            problems.push(format!("{id}[{partition}] is assigned to {:?}", assigned.get(&partition)));
        }
    }
    problems.extend(unbalanced(&living, &owned));
    problems
}

/// Consumers that are subscribed and no members, and members that nobody subscribes as any more.
fn strangers(living: &[MemberRecord], subscribed: &BTreeSet<String>) -> Vec<String> {
    let consumer = |member: &MemberRecord| member.id.split('/').next().map(str::to_owned);
    let members: BTreeSet<String> = living.iter().filter_map(consumer).collect();
    let outsiders = subscribed.difference(&members).map(|id| format!("{id} is subscribed and no member"));
    let ghosts = members.difference(subscribed).map(|id| format!("{id} is a member and not subscribed"));
    outsiders.chain(ghosts).collect()
}

fn reads(member: &MemberRecord, partition: u32) -> bool {
    member.partitions.as_ref().is_none_or(|partitions| partitions.contains(&partition))
}

async fn assigned_members(world: &World, group_id: &str) -> BTreeMap<u32, String> {
    let view = world.server.load_group(group_id).await.expect("no faults here");
    let entries = view.group.assignment.into_iter();
    entries
        .flat_map(|entry| {
            let member = entry.member;
            entry.partitions.into_iter().map(move |partition| (partition, member.clone()))
        })
        .collect()
}

async fn owner_of(world: &World, group_id: &str, partition: u32) -> Option<String> {
    let key = OffsetKey { group_id: group_id.to_owned(), topic: TOPIC.to_owned(), partition };
    world.server.load_offset(&key).await.expect("no faults here")?.owner
}

/// Members that read the same and have not the same, give or take one.
fn unbalanced(living: &[MemberRecord], owned: &BTreeMap<&str, u32>) -> Vec<String> {
    let mut alike: BTreeMap<_, Vec<(u32, &str)>> = BTreeMap::new();
    for member in living.iter().filter(|member| !member.is_manual) {
        let count = owned.get(member.id.as_str()).copied().unwrap_or_default();
        let reads = (&member.partitions, &member.declined);
        alike.entry(reads).or_default().push((count, &member.id));
    }
    let spans =
        alike.into_values().filter_map(|members| Some((*members.iter().min()?, *members.iter().max()?)));
    spans
        .filter(|((least, _), (most, _))| most - least > 1)
        .map(|(least, most)| format!("{most:?} and {least:?} read the same"))
        .collect()
}
