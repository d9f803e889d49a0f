//! A member that sends.

use std::sync::Arc;
use std::time::Duration;

use bson::{RawArrayBuf, RawDocumentBuf, cstr, rawdoc};
use csb_core::broker::Broker;
use csb_core::config::ProducerConfig;
use csb_core::error::Error;
use csb_core::error_code::Effect;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use tokio::sync::{Semaphore, mpsc};

use super::config::ProducerRole;
use super::history_writer::HistoryWriter;
use super::orders::Order;
use super::writing_handler::write_or_end;
use crate::history::Happening;

/// Longer than any send may take.
const OUTCOMES_WITHIN: Duration = Duration::from_mins(5);

pub(super) async fn run(
    broker: &Broker,
    role: ProducerRole,
    history: &HistoryWriter,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> Result<(), String> {
    let config = ProducerConfig::from_document(&role.producer).map_err(|error| error.to_string())?;
    let producer = broker.create_producer(config).await.map_err(|error| format!("{error:?}"))?;
    let (tasks, permits) =
        (TaskGroup::new(Logger::silent()), Arc::new(Semaphore::new(role.in_flight as usize)));
    let patience = match role.outcome_within_ms {
        0 => OUTCOMES_WITHIN,
        milliseconds => Duration::from_millis(milliseconds),
    };
    let (begun, name) = (clock::now(), history.member().to_owned());
    for number in 0..role.messages.unwrap_or(u64::MAX) {
        let permit = tokio::select! {
            biased;
            Some(Order::Close) = orders.recv() => break,
            permit = Arc::clone(&permits).acquire_owned() => permit.map_err(|error| error.to_string())?,
        };
        if let Some(rate) = role.per_second {
            let due = begun + Duration::from_secs(1).mul_f64(seconds(number, rate));
            clock::sleep_until(due).await;
        }
        let value = format!("{name}-{number}");
        let key = (role.keys > 0).then(|| format!("{name}-key-{}", number % role.keys));
        let message = message(&role, number, &value, key.as_deref());
        history.write(Happening::SendBegun { value: value.clone(), key, partition: None })?;
        // Queued by this call: sends have the order of their lines.
        let sending = producer.send(&[&message]);
        let history = history.clone();
        tasks.spawn("send", async move {
            let Some(sent) = clock::timeout(patience, sending).await else {
                write_or_end(&history, Happening::Noted { text: format!("{value} has no outcome") });
                std::process::abort();
            };
            let outcome = outcome(value, sent);
            write_or_end(&history, outcome);
            drop(permit);
        });
    }
    if tasks.wait_until_idle(OUTCOMES_WITHIN).await {
        Ok(())
    } else {
        Err("a send has no outcome".to_owned())
    }
}

/// When the message of this number is due, in seconds from the first.
fn seconds(number: u64, rate: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
    let number = number as f64;
    number / f64::from(rate.max(1))
}

/// One part of a send.
fn message(role: &ProducerRole, number: u64, value: &str, key: Option<&str>) -> RawDocumentBuf {
    let mut payload = rawdoc! { "value": value };
    if role.is_poison(number) {
        payload.append(cstr!("poison"), true);
    }
    if role.padding > 0 {
        payload.append(cstr!("padding"), "x".repeat(role.padding));
    }
    let mut message = rawdoc! { "v": payload };
    if let Some(key) = key {
        message.append(cstr!("k"), key);
    }
    let mut messages = RawArrayBuf::new();
    messages.push(message);
    rawdoc! { "m": messages }
}

fn outcome(value: String, sent: Result<(), Error>) -> Happening {
    match sent {
        Ok(()) => Happening::SendAcknowledged { value },
        Err(error) => {
            let code = error.code().to_string();
            match error.effect() {
                Effect::None => Happening::SendNotWritten { value, code },
                Effect::Possible => Happening::SendUnknown { value, code },
            }
        }
    }
}
