//! The user's handler: takes time, fails, gets stuck, as its plan says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use csb_core::consumer::record_handler::{
    Delivery, DeliveryId, DeliveryMode, DeliveryReport, FailedMessage, HandlerFailure, RecordHandler, Reports,
};
use csb_core::dead_letter::HandlerError;
use csb_core::error::Error;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use super::event::{Event, EventLog, Handling};
use super::handling::Deed;
use super::plan::HandlingPlan;

/// Handles the messages of one subscription.
pub(super) struct SimulatedHandler {
    shared: Arc<Shared>,
}

struct Shared {
    subscription: u64,
    plan: HandlingPlan,
    events: EventLog,
    surroundings: Box<dyn Surroundings>,
    /// The subscription has ended or lost a partition.
    has_failed: watch::Sender<bool>,
    deliveries: Mutex<Deliveries>,
}

#[derive(Default)]
struct Deliveries {
    /// Engine's ids differ from run to run; these do not.
    last_number: u32,
    running: BTreeMap<u32, Running>,
}

struct Running {
    number: u32,
    reports: Reports,
    handled: usize,
    is_stopping: bool,
    is_asked_to_end: watch::Sender<bool>,
}

/// What a handler can do to what is around it.
pub(super) trait Surroundings: Send + Sync {
    /// Ends the process that the handler runs in, as a crash does.
    fn crash(&self);

    /// Calls `commitOffsets` or, to leave, `unsubscribe`, as a handler may.
    fn call_back(&self, leaves: bool) -> BoxFuture<'static, ()>;
}

impl SimulatedHandler {
    pub(super) fn new(
        subscription: u64,
        plan: HandlingPlan,
        events: EventLog,
        surroundings: Box<dyn Surroundings>,
    ) -> Arc<Self> {
        let shared = Shared {
            subscription,
            plan,
            events,
            surroundings,
            has_failed: watch::Sender::new(false),
            deliveries: Mutex::default(),
        };
        Arc::new(Self { shared: Arc::new(shared) })
    }

    /// Resolves when the subscription has ended or lost a partition.
    pub(super) async fn failed(&self) {
        let mut failed = self.shared.has_failed.subscribe();
        // The sender lives as long as this handler.
        let _ = failed.wait_for(|has_failed| *has_failed).await;
    }
}

impl Shared {
    async fn run_each(&self, id: DeliveryId, messages: Vec<Handling>) {
        for (handled, message) in messages.iter().enumerate() {
            if self.is_stopping(id) {
                return self.end(id, DeliveryReport::Stopped(handled));
            }
            if !self.handle(id, std::slice::from_ref(message)).await.is_empty() {
                return self.end(id, DeliveryReport::Failed { handled, failure: failure() });
            }
            if let Some(delivery) = self.lock().running.get_mut(&id.0) {
                delivery.handled = handled + 1;
                delivery.reports.progress(handled + 1);
            } else {
                // Abandoned.
                return;
            }
        }
        self.end(id, DeliveryReport::Done);
    }

    async fn run_batch(&self, id: DeliveryId, messages: Vec<Handling>) {
        let failed = self.handle(id, &messages).await;
        if failed.is_empty() {
            return self.end(id, DeliveryReport::Done);
        }
        let failed = failed.into_iter().map(|index| (index, failure())).collect();
        self.end(id, DeliveryReport::BatchFailed(failed));
    }

    /// One call of the user's function. Returns which of the messages failed.
    async fn handle(&self, id: DeliveryId, messages: &[Handling]) -> Vec<usize> {
        let calls: Vec<_> = messages.iter().map(|message| self.plan.call(message)).collect();
        for message in messages {
            self.events.record(Event::HandlingBegan(message.clone()));
        }
        for call in &calls {
            match call.does {
                Deed::Nothing => {}
                Deed::Crash => {
                    self.surroundings.crash();
                    std::future::pending::<()>().await;
                }
                Deed::Commit => self.surroundings.call_back(false).await,
                Deed::Leave => {
                    self.surroundings.call_back(true).await;
                    self.has_failed.send_replace(true);
                }
            }
        }
        let takes = calls.iter().map(|call| call.takes).max().unwrap_or_default();
        if calls.iter().any(|call| call.hears) {
            let asked = self.lock().running.get(&id.0).map(|delivery| delivery.is_asked_to_end.subscribe());
            if let Some(mut asked) = asked {
                clock::timeout(takes, async { asked.wait_for(|asked| *asked).await.is_ok() }).await;
            }
        } else {
            clock::sleep(takes).await;
        }
        if !self.lock().running.contains_key(&id.0) {
            return Vec::new();
        }
        for (message, call) in messages.iter().zip(&calls) {
            self.events.record(Event::HandlingEnded {
                subscription: self.subscription,
                delivery: message.delivery.0,
                partition: message.partition,
                number: message.number,
                attempt: message.attempt,
                is_ok: !call.fails,
            });
        }
        (0..calls.len()).filter(|index| calls[*index].fails).collect()
    }

    fn is_stopping(&self, id: DeliveryId) -> bool {
        self.lock().running.get(&id.0).is_some_and(|delivery| delivery.is_stopping)
    }

    fn end(&self, id: DeliveryId, report: DeliveryReport) {
        let ended = self.lock().running.remove(&id.0);
        if let Some(delivery) = ended {
            delivery.reports.end(report);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure() -> HandlerFailure {
    let error = HandlerError { name: "Simulated".into(), message: "as planned".into(), stack: None };
    HandlerFailure { error, may_retry: true, is_transient: false }
}

impl RecordHandler for SimulatedHandler {
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports) {
        let number = {
            let mut deliveries = self.shared.lock();
            deliveries.last_number += 1;
            let number = deliveries.last_number;
            let running = Running {
                number,
                reports,
                handled: 0,
                is_stopping: false,
                is_asked_to_end: watch::Sender::new(false),
            };
            deliveries.running.insert(delivery.id.0, running);
            number
        };
        let is_batch = delivery.mode == DeliveryMode::Batch;
        let messages = delivery.messages.iter().enumerate().map(|(index, message)| {
            let value = message.stored.value().expect("a readable value");
            let numbered = value.as_document().and_then(|value| value.get_i64("n").ok());
            Handling {
                subscription: self.shared.subscription,
                partition: delivery.partition,
                number: numbered.expect("payload { n }"),
                attempt: message.attempt,
                token: message.token.cloned(),
                possible_duplicate: message.possible_duplicate,
                delivery: (number, index, is_batch),
            }
        });
        let (messages, shared, id) = (messages.collect(), Arc::clone(&self.shared), delivery.id);
        TaskGroup::new(Logger::silent()).spawn("handler", async move {
            if is_batch { shared.run_batch(id, messages).await } else { shared.run_each(id, messages).await }
        });
    }

    fn stop(&self, id: DeliveryId) {
        if let Some(delivery) = self.shared.lock().running.get_mut(&id.0) {
            delivery.is_stopping = true;
        }
    }

    fn time_out(&self, id: DeliveryId, handled: usize) {
        if let Some(delivery) = self.shared.lock().running.get(&id.0)
            && delivery.handled == handled
        {
            delivery.is_asked_to_end.send_replace(true);
        }
    }

    fn abandon(&self, id: DeliveryId, known: usize) {
        let mut deliveries = self.shared.lock();
        if deliveries.running.get(&id.0).is_none_or(|delivery| delivery.handled > known) {
            return;
        }
        let abandoned = deliveries.running.remove(&id.0);
        drop(deliveries);
        if let Some(Running { number, reports, handled, .. }) = abandoned {
            let subscription = self.shared.subscription;
            self.shared.events.record(Event::HandlingAbandoned { subscription, delivery: number });
            reports.end(DeliveryReport::Failed { handled, failure: failure() });
        }
    }

    fn attempt_failed(&self, _: FailedMessage, reports: Reports) {
        reports.end(DeliveryReport::ErrorHandlerFinished);
    }

    fn ping(&self, answer: oneshot::Sender<()>) {
        // Whoever asked may have gone.
        let _ = answer.send(());
    }

    fn consumer_failed(&self, error: &Error) {
        let subscription = self.shared.subscription;
        self.shared.events.record(Event::ConsumerFailed { subscription, code: error.code() });
        self.shared.has_failed.send_replace(true);
    }
}
