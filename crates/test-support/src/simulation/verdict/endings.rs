//! Ends: nothing stays behind, nobody gives up without a reason.

use std::collections::{BTreeMap, BTreeSet};

use csb_core::error_code::ErrorCode;

use super::Finding;
use crate::simulation::event::{Entry, Event};

pub(super) fn judge(entries: &[Entry], findings: &mut Vec<Finding>) {
    // Subscriptions whose place another member has taken, by what their ids begin with.
    let mut replaced: BTreeSet<&str> = BTreeSet::new();
    let mut members = BTreeMap::new();
    // The one that has joined last under an instance id.
    let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut report = |text: String| findings.push(Finding::new(format!("event {index}: {text}")));
        match &entry.event {
            Event::SubscribeBegan { subscription, member, .. } => {
                members.insert(*subscription, member.as_str());
            }
            Event::MemberFenced { member, replaced_by: Some(_) } => {
                replaced.extend(member.rsplit_once('/').map(|(prefix, _)| prefix));
            }
            Event::MemberJoined { member, instance: Some(instance), .. } => {
                let Some((prefix, _)) = member.rsplit_once('/') else { continue };
                // Whoever had it before may have expired, and gives way when it comes back.
                replaced.extend(newest.insert(instance, prefix).filter(|before| *before != prefix));
                replaced.remove(prefix);
            }
            Event::LeftBehind { process, tasks } => {
                report(format!("{process} was disconnected and its tasks run on: {tasks:?}"));
            }
            Event::DisconnectHung(process) => report(format!("the disconnect of {process} has no end")),
            Event::Logged(text) if text.contains("panicked") => report(text.clone()),
            Event::ConsumerFailed { subscription, code }
            | Event::SubscribeFailed { subscription, code: code @ ErrorCode::InstanceReplaced } => {
                let is_replaced = members.get(subscription).is_some_and(|member| replaced.contains(member));
                if *code != ErrorCode::InstanceReplaced || !is_replaced {
                    report(format!("subscription {subscription} failed with {code}"));
                }
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
