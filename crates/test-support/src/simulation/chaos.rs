//! What happens to the processes: they crash, freeze, are restarted, and are cut off from the server.

use std::sync::Arc;
use std::time::Duration;

use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;

use super::plan::ChaosPlan;
use super::world::World;
use crate::seeded_random::SeededRandom;

/// Everything that was begun has come to its end by then.
const LONGEST: Duration = Duration::from_mins(20);

#[derive(Clone, Copy)]
enum Misfortune {
    Kill,
    Freeze,
    Restart,
    CutOff,
    Outage,
    ForgetHistory,
    KillLeader,
}

/// Lets things happen for as long as the plan says. Afterwards every process runs.
pub(super) async fn cause(world: Arc<World>) {
    let mut random = world.random("chaos");
    let plan = world.plan.chaos;
    let end = clock::now() + plan.duration;
    let misfortunes = TaskGroup::new(Logger::silent());
    loop {
        let pause = if plan.every_ms == 0 { plan.duration } else { random.millis(0, plan.every_ms) };
        if clock::now() + pause >= end {
            clock::sleep_until(end).await;
            break;
        }
        clock::sleep(pause).await;
        let Some(misfortune) = choose(plan, &mut random) else { continue };
        let (slot, duration) = (random.index(world.plan.processes), random.millis(0, plan.longest_ms));
        let world = Arc::clone(&world);
        misfortunes.spawn("misfortune", async move { befall(&world, misfortune, slot, duration).await });
    }
    assert!(misfortunes.wait_until_idle(LONGEST).await, "a misfortune that does not end");
}

fn choose(plan: ChaosPlan, random: &mut SeededRandom) -> Option<Misfortune> {
    let weighted = [
        (Misfortune::Kill, plan.kill),
        (Misfortune::Freeze, plan.freeze),
        (Misfortune::Restart, plan.restart),
        (Misfortune::CutOff, plan.cut_off),
        (Misfortune::Outage, plan.outage),
        (Misfortune::ForgetHistory, plan.forget_history),
        (Misfortune::KillLeader, plan.kill_leader),
    ];
    let total = weighted.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return None;
    }
    let mut draw = random.below(total);
    weighted.into_iter().find_map(|(misfortune, weight)| {
        if draw < weight {
            return Some(misfortune);
        }
        draw -= weight;
        None
    })
}

async fn befall(world: &World, misfortune: Misfortune, slot: usize, duration: Duration) {
    match misfortune {
        Misfortune::Kill => kill(world, slot, duration).await,
        Misfortune::KillLeader => {
            let group = slot % world.plan.groups.len();
            if let Some(slot) = world.slot_of_leader(group).await {
                kill(world, slot, duration).await;
            }
        }
        Misfortune::Restart => {
            let Some(process) = world.take_process(slot) else { return };
            world.disconnect(&process).await;
            world.start_process(slot).await;
        }
        Misfortune::Freeze => {
            let Some(process) = world.process_in(slot) else { return };
            process.freeze(true);
            clock::sleep(duration).await;
            process.freeze(false);
        }
        Misfortune::CutOff => {
            let Some(process) = world.process_in(slot) else { return };
            process.cut_off(true);
            clock::sleep(duration).await;
            process.cut_off(false);
        }
        Misfortune::ForgetHistory => world.forget_history().await,
        Misfortune::Outage => {
            let processes = world.all_processes();
            processes.iter().for_each(|process| process.cut_off(true));
            clock::sleep(duration).await;
            processes.iter().for_each(|process| process.cut_off(false));
        }
    }
}

async fn kill(world: &World, slot: usize, duration: Duration) {
    let Some(process) = world.take_process(slot) else { return };
    process.kill();
    clock::sleep(duration).await;
    world.start_process(slot).await;
}
