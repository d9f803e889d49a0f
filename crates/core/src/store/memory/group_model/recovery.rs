//! What becomes of a group when nothing more happens to it: everybody who lives goes round after round.

use std::collections::HashMap;

use super::held_partition::Doing;
use super::scope::Harm;
use super::world::World;

/// More than a round has.
const MOST_STEPS: usize = 60;
/// More than a group needs to come to rest.
const MOST_TURNS: usize = 200;

/// What has to go by until every partition is read by one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Patience {
    Rounds,
    Session,
    Handover,
}

/// What is known of groups that have been left alone, by fingerprint.
#[derive(Default)]
pub(super) struct Recoveries {
    known: HashMap<u128, Patience>,
}

impl Recoveries {
    pub(super) fn of(&mut self, world: &World) -> Result<Patience, String> {
        let mut world = left_alone(world);
        let mut path: Vec<(u128, Patience)> = Vec::new();
        let mut needed = loop {
            let present = world.fingerprint_of_present();
            if let Some(needed) = self.known.get(&present) {
                break *needed;
            }
            if path.len() > MOST_TURNS {
                return Err("the group does not come to rest".to_owned());
            }
            let mut needs = Patience::Rounds;
            if !finish_a_step(&mut world)? {
                round(&mut world)?;
                if world.fingerprint_of_present() == present {
                    if is_settled(&world) {
                        break Patience::Rounds;
                    }
                    needs = wait(&mut world, present)?;
                }
            }
            path.push((present, needs));
        };
        for (present, needs) in path.into_iter().rev() {
            needed = needed.max(needs);
            self.known.insert(present, needed);
        }
        Ok(needed)
    }
}

pub(super) fn come_to_rest(world: &mut World) -> Result<(), String> {
    for _ in 0..MOST_TURNS {
        let present = world.fingerprint_of_present();
        if !finish_a_step(world)? {
            round(world)?;
        }
        if world.fingerprint_of_present() == present {
            return Ok(());
        }
    }
    Err("the group does not come to rest".to_owned())
}

fn left_alone(world: &World) -> World {
    let mut world = world.clone();
    world.harm = Harm::default();
    world.interruptions = None;
    world.late.clear();
    world
}

/// What is under way goes on first, with what it knows.
fn finish_a_step(world: &mut World) -> Result<bool, String> {
    let busy = (0..world.subscriptions.len()).find(|number| !world.rests(*number));
    let has_stepped = busy.is_some_and(|number| world.step(number));
    world.violation.take().map_or(Ok(has_stepped), Err)
}

/// A whole round of everybody.
fn round(world: &mut World) -> Result<(), String> {
    for number in 0..world.subscriptions.len() {
        world.beat(number);
        let mut steps = 0;
        while world.step(number) && !world.rests(number) {
            steps += 1;
            if steps > MOST_STEPS {
                return Err(format!("the round of {number} does not end"));
            }
        }
        world.work(number);
    }
    world.judge_holders();
    world.violation.take().map_or(Ok(()), Err)
}

/// Lets as much time go by as changes something.
fn wait(world: &mut World, present: u128) -> Result<Patience, String> {
    world.session_passes(None);
    if world.fingerprint_of_present() != present {
        return Ok(Patience::Session);
    }
    world.handover_runs_out();
    if world.fingerprint_of_present() != present {
        return Ok(Patience::Handover);
    }
    Err("left alone, the group does not come to read everything".to_owned())
}

/// Every partition is read to its end by one member that is to read it, and by nobody else.
fn is_settled(world: &World) -> bool {
    let living: Vec<_> = world.subscriptions.iter().filter(|it| !it.is_gone()).collect();
    let assignment = &world.tables.group().group.assignment;
    living.is_empty()
        || (0..world.scope.partitions).all(|partition| {
            let holders: Vec<_> =
                living.iter().filter_map(|it| Some((it, it.partitions.get(&partition)?))).collect();
            let [(reader, held)] = holders.as_slice() else { return false };
            let stored = world.tables.offset(partition);
            let owns = stored.is_some_and(|stored| {
                stored.owner.as_deref() == Some(&*reader.id) && stored.epoch == held.claim.epoch
            });
            let is_assigned = assignment
                .iter()
                .any(|entry| entry.member == *reader.id && entry.partitions.contains(&partition));
            let is_read = held.doing == Doing::Reading && held.committed == world.scope.messages;
            owns && is_assigned && is_read
        })
}
