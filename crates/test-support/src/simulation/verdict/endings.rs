//! Ends: nothing stays behind, nobody gives up without a reason.

use csb_core::error_code::ErrorCode;

use super::Finding;
use super::subscriptions::Subscriptions;
use crate::simulation::event::{Entry, Event};

pub(super) fn judge(entries: &[Entry], subscriptions: &Subscriptions, findings: &mut Vec<Finding>) {
    for (index, entry) in entries.iter().enumerate() {
        let mut report = |text: String| findings.push(Finding::new(format!("event {index}: {text}")));
        match &entry.event {
            Event::LeftBehind { process, tasks } => {
                report(format!("{process} was disconnected and its tasks run on: {tasks:?}"));
            }
            Event::DisconnectHung(process) => report(format!("the disconnect of {process} has no end")),
            Event::Logged(text) if text.contains("panicked") => report(text.clone()),
            Event::ConsumerFailed { subscription, code } if *code != ErrorCode::LeaseLost => {
                report(format!("subscription {subscription} failed with {code}"));
            }
            Event::ConsumerFailed { subscription, .. }
                if !was_taken_over(*subscription, subscriptions, entries) =>
            {
                report(format!("subscription {subscription} lost a partition that nobody else has taken"));
            }
            Event::SubscribeFailed { subscription, code }
                if !code.is_retryable() && ![ErrorCode::LeaseLost, ErrorCode::Closed].contains(code) =>
            {
                report(format!("subscription {subscription} was refused with {code}"));
            }
            _ => {}
        }
    }
}

/// Whether there is a claim of one of its partitions beside its own.
fn was_taken_over(number: u64, subscriptions: &Subscriptions, entries: &[Entry]) -> bool {
    let Some(subscription) = subscriptions.get(number) else { return false };
    let epoch = |partition: u32| {
        let own = subscription.claims.iter().filter(|claimed| claimed.claim.at.1 == partition);
        own.map(|claimed| claimed.claim.epoch).min()
    };
    entries.iter().any(|entry| match &entry.event {
        Event::Claimed(claimed) => {
            let (group, partition) = claimed.claim.at;
            group == subscription.group && epoch(partition).is_some_and(|own| claimed.claim.epoch > own)
        }
        _ => false,
    })
}
