//! Goes through everything that can happen, the short ways first.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use super::recovery::{Patience, Recoveries};
use super::scope::Scope;
use super::world::{Action, World};

/// What a search without a violation has seen.
pub(super) struct Findings {
    pub(super) states: usize,
    /// Actions on the longest of the shortest ways.
    pub(super) depth: usize,
    /// The most that a group has needed once it was left alone.
    pub(super) patience: Patience,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, depth, patience } = self;
        write!(f, "{states} states, {depth} actions deep, left alone they need {patience:?}")
    }
}

/// What must not be, and the shortest way there.
pub(super) struct Violation {
    pub(super) what: String,
    pub(super) way: Vec<Action>,
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.way.iter().try_for_each(|action| writeln!(f, "  {action:?}"))
    }
}

/// How a state was come to: from which one, and by what.
struct Way {
    from: usize,
    by: Option<Action>,
    depth: usize,
}

pub(super) fn explore(scope: Scope) -> Result<Findings, Violation> {
    let first = World::new(scope);
    let mut seen = HashSet::from([first.fingerprint()]);
    let mut ways = vec![Way { from: 0, by: None, depth: 0 }];
    let mut next = VecDeque::from([(first, 0)]);
    let mut recoveries = Recoveries::default();
    let mut patience = Patience::Rounds;
    while let Some((world, number)) = next.pop_front() {
        let needed = recoveries.of(&world).map_err(|what| violation(what, &ways, number))?;
        patience = patience.max(needed);
        for action in world.actions() {
            let Some(mut world) = world.after(action) else { continue };
            world.judge_holders();
            // Also in a state that was come to before: what must not be may lie in the way there.
            if !seen.insert(world.fingerprint()) && world.violation.is_none() {
                continue;
            }
            ways.push(Way { from: number, by: Some(action), depth: ways[number].depth + 1 });
            if let Some(what) = world.violation {
                return Err(violation(what, &ways, ways.len() - 1));
            }
            next.push_back((world, ways.len() - 1));
        }
    }
    let depth = ways.last().map_or(0, |way| way.depth);
    Ok(Findings { states: seen.len(), depth, patience })
}

fn violation(what: String, ways: &[Way], mut number: usize) -> Violation {
    let mut way = Vec::new();
    while let Some(action) = ways[number].by {
        way.push(action);
        number = ways[number].from;
    }
    way.reverse();
    Violation { what, way }
}
