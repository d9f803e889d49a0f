//! The place of one member in its group: somebody subscribes there, goes, and is replaced.

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use csb_core::config::{ConsumerConfig, HandlerConfig};
use csb_core::consumer::Consumer;
use csb_core::error::Error;
use csb_core::runtime::clock;
use futures_util::future::BoxFuture;

use super::event::Event;
use super::handler::{SimulatedHandler, Surroundings};
use super::plan::{ActionPlan, GroupPlan, SeatPlan, TOPIC, group_id, millis};
use super::process::{Gone, Process};
use super::scheduler::WORLD;
use super::world::{Phase, World};
use crate::seeded_random::SeededRandom;

/// So many members leave the seat to another one without leaving the group. Groups would grow for ever otherwise.
const MOST_GUESTS: u32 = 2;
const BEFORE_NEXT_TRY: Duration = Duration::from_millis(200);

/// One member's place.
pub(super) struct Seat {
    world: Arc<World>,
    group: usize,
    plan: SeatPlan,
    /// Number of the seat among all of the run.
    number: u64,
    guests: u32,
    random: SeededRandom,
}

/// Who has it.
struct Member {
    process: Arc<Process>,
    consumer: Consumer,
}

/// A running subscription.
struct Subscription {
    number: u64,
    handler: Arc<SimulatedHandler>,
}

/// What the handler of a member has around it.
struct Around {
    world: Arc<World>,
    process: Arc<Process>,
    consumer: Consumer,
}

impl Surroundings for Around {
    fn crash(&self) {
        let (world, process) = (Arc::clone(&self.world), Arc::clone(&self.process));
        let scheduler = Arc::clone(&world.machine.scheduler);
        scheduler.spawn_in(WORLD, "crash", async move { world.crash(&process).await });
    }

    fn call_back(&self, leaves: bool) -> BoxFuture<'static, ()> {
        let consumer = self.consumer.clone();
        Box::pin(async move {
            if leaves {
                consumer.unsubscribe(false).await;
            } else {
                // What it comes to is seen in the offsets.
                let _ = consumer.commit_offsets().await;
            }
        })
    }
}

enum Action {
    Pause(Duration),
    Commit,
    Resubscribe(Duration),
    MoveAway { waits: bool },
    Steal,
}

/// What follows for the seat.
enum Next {
    /// The same member goes on.
    Stay,
    /// The same member subscribes again.
    SubscribeAgain,
    /// Somebody else has to come.
    Vacant,
}

impl Seat {
    pub(super) fn new(world: Arc<World>, group: usize, plan: SeatPlan) -> Self {
        let (random, number) = (world.random("seat"), world.next_member());
        Self { world, group, plan, number, guests: 0, random }
    }

    /// Keeps the seat taken until the run is over.
    pub(super) async fn run(mut self) {
        clock::sleep(self.plan.comes_after).await;
        while !self.world.has_reached(Phase::Over) {
            let process = self.world.wait_for_any_process(&mut self.random).await;
            if let Some(member) = self.new_member(process).await {
                self.sit(member).await;
            }
        }
    }

    fn group(&self) -> &GroupPlan {
        &self.world.plan.groups[self.group]
    }

    async fn new_member(&self, process: Arc<Process>) -> Option<Member> {
        let mut document: Document = self.group().consumer.clone();
        document.extend(doc! { "groupId": group_id(self.group), "topic": TOPIC });
        document.extend(self.sharing());
        let mut config = ConsumerConfig::from_document(&document).expect("a valid configuration");
        config.max_buffered_bytes = self.group().buffered_bytes;
        let made = process.run("create consumer", async move |broker| broker.create_consumer(config)).await;
        match made {
            Ok(Ok(consumer)) => {
                self.world.note_consumer(process.id, consumer.clone());
                Some(Member { process, consumer })
            }
            Ok(Err(_)) => {
                clock::sleep(BEFORE_NEXT_TRY).await;
                None
            }
            Err(Gone) => None,
        }
    }

    fn sharing(&self) -> Document {
        let sharing = self.group().sharing;
        // Always one, so that what is called HOSTNAME here makes no difference.
        let name = if self.plan.keeps_name { self.number } else { self.world.next_member() };
        let number = |duration| i64::try_from(millis(duration)).expect("short");
        let mut document = doc! {
            "instanceId": format!("instance-{name}"),
            "assignment": if self.plan.is_manual { "manual" } else { "auto" },
            "sessionTimeoutMs": number(sharing.session),
            "rebalanceDelayMs": number(sharing.delay),
            "handoverTimeoutMs": number(sharing.handover),
        };
        if let Some(partitions) = &self.plan.partitions {
            document.insert("partitions", partitions.clone());
        }
        document
    }

    /// Until the member is gone for good.
    async fn sit(&mut self, member: Member) {
        for nth in 1_u32.. {
            let subscribed = tokio::select! {
                biased;
                () = member.process.ended() => return,
                subscribed = self.subscribe(&member, nth) => subscribed,
            };
            let Ok(subscribed) = subscribed else { return };
            if let Ok(subscription) = subscribed {
                if let Next::Vacant = self.stay(&member, subscription).await {
                    return;
                }
            } else {
                clock::sleep(BEFORE_NEXT_TRY).await;
            }
            if self.world.has_reached(Phase::Over) {
                return;
            }
        }
    }

    /// The nth time that this member does.
    async fn subscribe(&self, member: &Member, nth: u32) -> Result<Result<Subscription, Error>, Gone> {
        let (number, events) = (self.world.next_subscription(), self.world.events().clone());
        let consumer = member.consumer.clone();
        let config =
            HandlerConfig::from_document(&self.group().handler, consumer.config()).expect("a valid one");
        let around = Around {
            world: Arc::clone(&self.world),
            process: Arc::clone(&member.process),
            consumer: consumer.clone(),
        };
        let handler = SimulatedHandler::new(number, self.group().handling, events.clone(), Box::new(around));
        events.record(Event::SubscribeBegan {
            subscription: number,
            group: self.group,
            process: member.process.id,
            member: format!("{}/{nth}", consumer.id()),
            partitions: self.partitions(),
        });
        member
            .process
            .run("subscribe", async move |_| {
                let outcome = consumer.subscribe(config, Arc::clone(&handler) as _).await;
                events.record(match &outcome {
                    Ok(()) => Event::Subscribed { subscription: number },
                    Err(error) => Event::SubscribeFailed { subscription: number, code: error.code() },
                });
                outcome.map(|()| Subscription { number, handler })
            })
            .await
    }

    fn partitions(&self) -> Vec<u32> {
        self.plan.partitions.clone().unwrap_or_else(|| (0..self.world.plan.partitions).collect())
    }

    async fn stay(&mut self, member: &Member, subscription: Subscription) -> Next {
        let actions = self.group().actions;
        loop {
            let is_busy = !self.world.has_reached(Phase::Healed);
            let pause = self.random.millis(1, actions.every_ms);
            let world = Arc::clone(&self.world);
            tokio::select! {
                biased;
                () = member.process.ended() => return Next::Vacant,
                () = subscription.handler.failed() => {
                    // What a user does: end what is left of it and begin anew.
                    return match self.unsubscribe(member, &subscription).await {
                        Ok(()) => Next::SubscribeAgain,
                        Err(Gone) => Next::Vacant,
                    };
                }
                () = world.reached(Phase::Over) => return Next::Vacant,
                () = world.reached(Phase::Healed), if is_busy => {}
                () = clock::sleep(pause), if is_busy => {
                    match self.act(member, &subscription, actions).await {
                        Ok(Next::Stay) => {}
                        Ok(next) => return next,
                        Err(Gone) => return Next::Vacant,
                    }
                }
            }
        }
    }

    async fn act(
        &mut self,
        member: &Member,
        subscription: &Subscription,
        actions: ActionPlan,
    ) -> Result<Next, Gone> {
        let number = subscription.number;
        match self.choose(actions) {
            Action::Pause(duration) => {
                self.pause(member, number, true).await?;
                tokio::select! {
                    biased;
                    () = self.world.reached(Phase::Healed) => {}
                    () = clock::sleep(duration) => {}
                }
                self.pause(member, number, false).await?;
                Ok(Next::Stay)
            }
            Action::Commit => {
                let (consumer, events) = (member.consumer.clone(), self.world.events().clone());
                let commit = async move |_| {
                    let outcome = consumer.commit_offsets().await.map_err(|error| error.code());
                    events.record(Event::CommitAsked { subscription: number, outcome });
                };
                member.process.run("commit", commit).await?;
                Ok(Next::Stay)
            }
            Action::Resubscribe(duration) => {
                self.unsubscribe(member, subscription).await?;
                clock::sleep(duration).await;
                Ok(Next::SubscribeAgain)
            }
            Action::MoveAway { waits } => {
                let (consumer, events) = (member.consumer.clone(), self.world.events().clone());
                events.record(Event::UnsubscribeBegan { subscription: number });
                member
                    .process
                    .run("disconnect consumer", async move |_| consumer.disconnect(waits).await)
                    .await?;
                if waits {
                    events.record(Event::UnsubscribeEnded { subscription: number });
                }
                Ok(Next::Vacant)
            }
            Action::Steal if self.guests == MOST_GUESTS => Ok(Next::Stay),
            Action::Steal => {
                self.guests += 1;
                Ok(Next::Vacant)
            }
        }
    }

    async fn pause(&self, member: &Member, subscription: u64, is_paused: bool) -> Result<(), Gone> {
        let (consumer, events) = (member.consumer.clone(), self.world.events().clone());
        let change = async move |_| {
            if is_paused {
                consumer.pause();
            } else {
                consumer.resume();
            }
            events.record(Event::Paused { subscription, is_paused });
        };
        member.process.run("pause or resume", change).await
    }

    async fn unsubscribe(&self, member: &Member, subscription: &Subscription) -> Result<(), Gone> {
        let (consumer, events) = (member.consumer.clone(), self.world.events().clone());
        let number = subscription.number;
        let unsubscribe = async move |_| {
            events.record(Event::UnsubscribeBegan { subscription: number });
            consumer.unsubscribe(true).await;
            events.record(Event::UnsubscribeEnded { subscription: number });
        };
        member.process.run("unsubscribe", unsubscribe).await
    }

    fn choose(&mut self, actions: ActionPlan) -> Action {
        let ActionPlan { pause, commit, resubscribe, move_away, steal, .. } = actions;
        let mut draw = self.random.below(pause + commit + resubscribe + move_away + steal);
        let duration = self.random.millis(0, 3_000);
        let waits = self.random.chance(700);
        let mut is_drawn = |weight: u64| {
            let is_drawn = draw < weight;
            draw = draw.saturating_sub(weight);
            is_drawn
        };
        match [pause, commit, resubscribe, move_away].into_iter().position(&mut is_drawn) {
            Some(0) => Action::Pause(duration),
            Some(1) => Action::Commit,
            Some(2) => Action::Resubscribe(duration),
            Some(_) => Action::MoveAway { waits },
            None => Action::Steal,
        }
    }
}
