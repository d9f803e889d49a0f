//! A process: a broker with everything that it runs, which can be ended as a whole.

use std::sync::Arc;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, LogLevel};
use csb_core::observe::log::LogSink;
use csb_core::store::contract::Store;
use tokio::sync::{oneshot, watch};

use super::event::{Event, EventLog};
use super::plan::BrokerPlan;
use super::scheduler::{ProcessId, Scheduler, WORLD};
use crate::faulty_store::{FaultRates, Faults, FaultyStore};
use crate::seeded_random::SeededRandom;

/// What every process of a run works with.
pub(super) struct Machine {
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) events: EventLog,
    pub(super) broker: BrokerPlan,
    pub(super) rates: FaultRates,
}

/// A running process.
pub(super) struct Process {
    pub(super) id: ProcessId,
    pub(super) faults: Faults,
    broker: Broker,
    machine: Arc<Machine>,
    /// It is ending or has ended.
    has_ended: watch::Sender<bool>,
}

/// The process ended before it gave an answer.
#[derive(Debug)]
pub(super) struct Gone;

struct EngineLog(EventLog);

impl LogSink for EngineLog {
    fn log(&self, _: LogLevel, _: &str, message: &str) {
        self.0.record(Event::Logged(message.to_owned()));
    }
}

impl Process {
    /// Starts a process on this store. Its broker is not connected yet.
    pub(super) fn start(
        machine: &Arc<Machine>,
        id: ProcessId,
        store: Arc<dyn Store>,
        mut random: SeededRandom,
    ) -> Arc<Self> {
        let faults = Faults::new(random.fork("faults"), machine.rates);
        let scheduler = Arc::clone(&machine.scheduler);
        let server = Arc::new(move |call| scheduler.spawn_in(WORLD, "server call", call));
        let store = FaultyStore::new(store, faults.clone(), server);
        let BrokerPlan { delivery_timeout, shutdown_grace, heartbeat_interval } = machine.broker;
        let config = doc! {
            "mongoUri": "memory://simulation",
            "deliveryTimeoutMs": i64::try_from(delivery_timeout).expect("small"),
            "shutdownGraceMs": i64::try_from(shutdown_grace).expect("small"),
            "heartbeatIntervalMs": i64::try_from(heartbeat_interval).expect("small"),
            "logLevel": "WARN",
        };
        let config = BrokerConfig::from_document(&config).expect("a valid configuration");
        let log = Arc::new(EngineLog(machine.events.clone()));
        machine.events.record(Event::ProcessStarted(id));
        Arc::new(Self {
            id,
            faults,
            broker: Broker::with_store(config, store, Some(log)),
            machine: Arc::clone(machine),
            has_ended: watch::Sender::new(false),
        })
    }

    /// Runs something in the process.
    pub(super) async fn run<F, T>(
        &self,
        name: &'static str,
        work: impl FnOnce(Broker) -> F,
    ) -> Result<T, Gone>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = work(self.broker.clone());
        self.machine.scheduler.spawn_in(self.id, name, async move {
            // Whoever asked may have been told that the process ends.
            let _ = answer.send(work.await);
        });
        answered.await.map_err(|_| Gone)
    }

    /// Ends the process as a crash does.
    pub(super) fn kill(&self) {
        self.machine.events.record(Event::ProcessKilled(self.id));
        self.machine.scheduler.kill(self.id);
        self.say_end();
    }

    /// Lets the process be frozen, or go on.
    pub(super) fn freeze(&self, is_frozen: bool) {
        if is_frozen {
            self.machine.events.record(Event::ProcessFrozen(self.id));
            self.machine.scheduler.freeze(self.id);
        } else {
            self.machine.events.record(Event::ProcessThawed(self.id));
            self.machine.scheduler.thaw(self.id);
        }
    }

    pub(super) fn cut_off(&self, is_cut_off: bool) {
        self.machine.events.record(Event::CutOff(self.id, is_cut_off));
        self.faults.set_cut_off(is_cut_off);
    }

    /// Ends the process in good order.
    pub(super) async fn disconnect(&self) -> Result<(), Gone> {
        let events = self.machine.events.clone();
        self.say_end();
        self.run("disconnect", async move |broker: Broker| {
            events.record(Event::DisconnectBegan);
            broker.disconnect(true).await;
            events.record(Event::DisconnectEnded);
        })
        .await
    }

    /// Names of its tasks that have not ended.
    pub(super) fn tasks(&self) -> Vec<&'static str> {
        self.machine.scheduler.tasks_of(self.id)
    }

    fn say_end(&self) {
        self.has_ended.send_replace(true);
    }

    /// Resolves when the process ends.
    pub(super) async fn ended(&self) {
        let mut ended = self.has_ended.subscribe();
        // The sender lives as long as this process.
        let _ = ended.wait_for(|has_ended| *has_ended).await;
    }
}
