//! The group, its members, and what may happen next.

use std::rc::Rc;

use super::HANDOVER_RAN_OUT_MS;
use super::call::{Call, Reply};
use super::held_partition::Doing;
use super::recovery::come_to_rest;
use super::scope::{Flaw, Harm, Scope, Start};
use super::subscription::{Claimed, Stage, Subscription};
use super::tables::{SESSION_MS, Tables};
use super::witness::{Witness, has_one_holder};
use crate::group::LeaseStatus;
use crate::store::contract::CommitOutcome;

/// One thing that may happen. Numbers are those of subscriptions, then of partitions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Step(usize),
    StepUnanswered(usize),
    HandOut(usize, u32),
    Write(usize, u32),
    WriteUnanswered(usize, u32),
    /// A heartbeat of a member that was not heard of for long.
    Beat(usize),
    Crash(usize),
    Close(usize),
    /// Longer than a session, in which everybody is heard of but this one.
    SessionPasses(Option<usize>),
    HandoverRunsOut,
    /// A call that was given up takes effect.
    Land(usize),
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) scope: Scope,
    pub(super) tables: Tables,
    pub(super) subscriptions: Vec<Rc<Subscription>>,
    pub(super) harm: Harm,
    pub(super) interruptions: Option<u8>,
    /// Whose round was under way last.
    pub(super) running: Option<usize>,
    /// Calls that may still take effect.
    pub(super) late: Vec<Call>,
    pub(super) witness: Rc<Witness>,
    pub(super) violation: Option<String>,
}

impl World {
    pub(super) fn new(scope: Scope) -> Self {
        let mut world = Self {
            scope,
            tables: Tables::new(scope.partitions),
            subscriptions: (0..scope.members).map(|number| Rc::new(Subscription::new(number))).collect(),
            harm: scope.harm,
            interruptions: scope.interruptions,
            running: None,
            late: Vec::new(),
            witness: Rc::new(Witness::new(scope.partitions, scope.messages)),
            violation: None,
        };
        if scope.start != Start::Nothing {
            (0..scope.partitions).for_each(|partition| world.read_before(partition));
        }
        if scope.start == Start::Settled {
            // The messages come afterwards.
            world.scope.messages = 0;
            come_to_rest(&mut world).unwrap();
            world.scope.messages = scope.messages;
        }
        world
    }

    fn read_before(&mut self, partition: u32) {
        let claim = Call::Claim { partition, owner: "before".into(), epoch: None };
        let Reply::Claimed(Some(Claimed { claim, .. })) = self.ask(&claim) else { return };
        self.ask(&Call::Commit { claim: claim.clone(), place: 0 });
        self.ask(&Call::Release(claim));
    }

    fn ask(&mut self, call: &Call) -> Reply {
        let before = self.tables.clone();
        let reply = self.tables.answer(call, self.scope.flaw);
        if call.changes_something() {
            let verdict = Rc::make_mut(&mut self.witness).saw(call, &reply, &before, &self.tables);
            self.judge(verdict);
        }
        reply
    }

    fn judge(&mut self, verdict: Result<(), String>) {
        self.violation = self.violation.take().or(verdict.err());
    }

    pub(super) fn judge_holders(&mut self) {
        let verdict = has_one_holder(&self.tables, self.subscriptions.iter().map(|it| &**it));
        self.judge(verdict);
    }

    fn change(&mut self, number: usize) -> &mut Subscription {
        Rc::make_mut(&mut self.subscriptions[number])
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (number, subscription) in self.subscriptions.iter().enumerate().filter(|(_, it)| !it.is_gone()) {
            self.actions_of(number, subscription, &mut actions);
        }
        if self.is_anybody_unheard() {
            actions.push(Action::SessionPasses(None));
        }
        if self.harm.handovers > 0 {
            actions.push(Action::HandoverRunsOut);
        }
        actions.extend((0..self.late.len()).map(Action::Land));
        actions
    }

    fn actions_of(&self, number: usize, subscription: &Subscription, actions: &mut Vec<Action>) {
        let may_fail = self.harm.unanswered > 0;
        actions.push(Action::Step(number));
        if may_fail {
            actions.push(Action::StepUnanswered(number));
        }
        for (partition, held) in &subscription.partitions {
            actions.push(Action::HandOut(number, *partition));
            if held.is_handling() || held.doing == Doing::Draining {
                actions.push(Action::Write(number, *partition));
                if may_fail {
                    actions.push(Action::WriteUnanswered(number, *partition));
                }
            }
        }
        if subscription.lease == LeaseStatus::Lapsed {
            actions.push(Action::Beat(number));
        }
        if self.harm.crashes > 0 {
            actions.push(Action::Crash(number));
        }
        if self.harm.closes > 0 && !subscription.is_closing {
            actions.push(Action::Close(number));
        }
        if self.harm.pauses > 0 && subscription.beats() && subscription.lease == LeaseStatus::Held {
            actions.push(Action::SessionPasses(Some(number)));
        }
    }

    /// Whether time makes a member overdue that nobody beats for.
    pub(super) fn is_anybody_unheard(&self) -> bool {
        let roll = self.tables.members();
        roll.members().iter().any(|member| {
            let is_heard = |it: &Rc<Subscription>| it.beats() && *it.id == *member.record.id;
            member.record.is_alive() && !member.is_overdue() && !self.subscriptions.iter().any(is_heard)
        })
    }

    /// The world after it; `None` if it cannot happen.
    pub(super) fn after(&self, action: Action) -> Option<Self> {
        let mut world = self.clone();
        let has_happened = match action {
            Action::Step(number) => world.is_let_run(number) && world.step(number),
            Action::StepUnanswered(number) => {
                world.harm.unanswered -= 1;
                world.is_let_run(number) && world.step_unanswered(number)
            }
            Action::HandOut(number, partition) => world.hand_out(number, partition),
            Action::Write(number, partition) => world.write(number, partition),
            Action::WriteUnanswered(number, partition) => {
                world.harm.unanswered -= 1;
                let call = world.next_write(number, partition);
                world.late.extend(call);
                true
            }
            Action::Beat(number) => world.beat(number),
            Action::Crash(number) => {
                world.harm.crashes -= 1;
                world.change(number).crash();
                true
            }
            Action::Close(number) => {
                world.harm.closes -= 1;
                world.change(number).is_closing = true;
                true
            }
            Action::SessionPasses(silent) => {
                world.harm.pauses -= u8::from(silent.is_some());
                world.session_passes(silent);
                true
            }
            Action::HandoverRunsOut => {
                world.harm.handovers -= 1;
                world.handover_runs_out();
                true
            }
            Action::Land(place) => {
                let call = world.late.remove(place);
                world.ask(&call);
                true
            }
        };
        has_happened.then_some(world)
    }

    /// Interrupting a round costs, unless the member is paused, which is paid for.
    fn is_let_run(&mut self, number: usize) -> bool {
        let Some(left) = self.interruptions else { return true };
        let interrupted = self.running.filter(|running| *running != number).filter(|running| {
            let other = &self.subscriptions[*running];
            other.is_within_a_round() && other.lease == LeaseStatus::Held
        });
        self.running = Some(number);
        if interrupted.is_some() {
            self.interruptions = Some(left.saturating_sub(1));
        }
        interrupted.is_none() || left > 0
    }

    pub(super) fn step(&mut self, number: usize) -> bool {
        let scope = self.scope;
        let Some(call) = self.change(number).next_call() else { return false };
        let reply = self.ask(&call);
        self.change(number).answered(reply, &scope);
        true
    }

    fn step_unanswered(&mut self, number: usize) -> bool {
        // Not having read anything is like not having begun to.
        let Some(call) = self.change(number).next_call().filter(Call::changes_something) else {
            return false;
        };
        let subscription = self.change(number);
        subscription.unanswered();
        self.late.push(call);
        true
    }

    fn hand_out(&mut self, number: usize, partition: u32) -> bool {
        let Scope { messages, flaw, .. } = self.scope;
        let subscription = self.change(number);
        let has_lease = subscription.lease == LeaseStatus::Held || flaw == Some(Flaw::DeliversWithoutLease);
        let held = subscription.partitions.get_mut(&partition);
        let Some(held) = held.filter(|held| has_lease && held.may_hand_out(messages)) else { return false };
        held.handed_out += 1;
        let (message, claim) = (held.handed_out - 1, held.claim.clone());
        let verdict = Rc::make_mut(&mut self.witness).saw_message(message, &claim, &self.tables);
        self.judge(verdict);
        true
    }

    fn next_write(&mut self, number: usize, partition: u32) -> Option<Call> {
        let flaw = self.scope.flaw;
        self.change(number).partitions.get_mut(&partition)?.next_write(flaw)
    }

    fn write(&mut self, number: usize, partition: u32) -> bool {
        let Some(call) = self.next_write(number, partition) else { return false };
        let reply = self.ask(&call);
        let outcome = if let Reply::Outcome(outcome) = reply { outcome } else { CommitOutcome::Fenced };
        if let Some(held) = self.change(number).partitions.get_mut(&partition) {
            held.written(&call, outcome);
        }
        true
    }

    /// Reads and writes as much as a partition can.
    pub(super) fn work(&mut self, number: usize) {
        let partitions: Vec<_> = self.subscriptions[number].partitions.keys().copied().collect();
        for partition in partitions {
            while self.hand_out(number, partition) || self.write(number, partition) {}
        }
    }

    pub(super) fn beat(&mut self, number: usize) -> bool {
        if !self.subscriptions[number].beats() {
            return false;
        }
        let call = Call::Beat(Rc::clone(&self.subscriptions[number].id));
        let is_one = matches!(self.ask(&call), Reply::Is(true));
        self.change(number).heard(is_one);
        true
    }

    pub(super) fn session_passes(&mut self, silent: Option<usize>) {
        self.pass(SESSION_MS + 1, silent);
    }

    pub(super) fn handover_runs_out(&mut self) {
        Rc::make_mut(&mut self.witness).handover_ran_out();
        self.pass(HANDOVER_RAN_OUT_MS, None);
    }

    fn pass(&mut self, milliseconds: u64, silent: Option<usize>) {
        self.tables.pass(milliseconds);
        for number in 0..self.subscriptions.len() {
            if silent == Some(number) {
                self.change(number).lease = LeaseStatus::Lapsed;
            } else {
                self.beat(number);
            }
        }
    }

    /// Whether a coordinator has nothing under way.
    pub(super) fn rests(&self, number: usize) -> bool {
        matches!(self.subscriptions[number].stage, Stage::Looking | Stage::Draining | Stage::Gone)
    }
}
