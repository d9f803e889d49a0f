//! A member that handles messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use csb_core::broker::Broker;
use csb_core::config::{ConsumerConfig, HandlerConfig};
use csb_core::observe::consumer_event::{ConsumerEvent, RevokedReason};
use tokio::sync::mpsc;

use super::config::ConsumerRole;
use super::history_writer::HistoryWriter;
use super::orders::Order;
use super::writing_handler::{WritingHandler, write_or_end};
use crate::history::Happening;

pub(super) async fn run(
    broker: &Broker,
    role: ConsumerRole,
    history: &HistoryWriter,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> Result<(), String> {
    let config = ConsumerConfig::from_document(&role.consumer).map_err(|error| error.to_string())?;
    let handler_config =
        HandlerConfig::from_document(&role.handler, &config).map_err(|error| error.to_string())?;
    if handler_config.batch.is_some() {
        return Err("a member has no handler for batches".to_owned());
    }
    let consumer = broker.create_consumer(config).map_err(|error| error.to_string())?;
    let handler = Arc::new(WritingHandler::new(history.clone(), &role));
    let (listener, listening) = (history.clone(), Arc::clone(&handler));
    let has_lost_any = AtomicBool::new(false);
    consumer.listen(Some(Arc::new(move |event| {
        if let Some(happening) = told(event, &listening) {
            write_or_end(&listener, happening);
        }
        match event {
            ConsumerEvent::Revoked { reason: RevokedReason::LeaseLost, .. } => {
                has_lost_any.store(true, Ordering::Relaxed);
            }
            // It begins anew: what it is given now may lie before what it was given last.
            ConsumerEvent::Assigned { .. } if has_lost_any.swap(false, Ordering::Relaxed) => {
                write_or_end(&listener, Happening::Subscribed);
            }
            _ => {}
        }
    })));
    consumer.subscribe(handler_config, handler).await.map_err(|error| format!("{error:?}"))?;
    history.write(Happening::Subscribed)?;
    while let Some(order) = orders.recv().await {
        match order {
            Order::Close => break,
            Order::Pause => {
                consumer.pause();
                history.write(Happening::Paused)?;
            }
            Order::Resume => {
                // First: messages may be handled before `resume` returns.
                history.write(Happening::Resumed)?;
                consumer.resume();
            }
        }
    }
    consumer.disconnect(true).await;
    Ok(())
}

/// What of an event belongs into the history. Offsets and owners are told by who sees the database.
fn told(event: &ConsumerEvent, handler: &WritingHandler) -> Option<Happening> {
    let name = event.name();
    match event {
        ConsumerEvent::DeadLettered { partition, message_id, .. } => {
            let value = handler.forget(message_id)?;
            Some(Happening::DeadLettered { partition: *partition, value })
        }
        ConsumerEvent::Recovered { .. }
        | ConsumerEvent::Expired { .. }
        | ConsumerEvent::Stalled { .. }
        | ConsumerEvent::Completed { .. }
        | ConsumerEvent::Assigned { .. }
        | ConsumerEvent::UnfencedWriter { .. }
        | ConsumerEvent::Revoked { .. } => Some(Happening::Noted { text: format!("{name}: {event:?}") }),
        ConsumerEvent::Failed(error) => Some(Happening::Noted { text: format!("{name}: {}", error.code()) }),
        ConsumerEvent::Committed { .. } | ConsumerEvent::Retried { .. } => None,
    }
}
