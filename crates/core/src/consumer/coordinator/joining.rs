//! The members that a subscription is, one after the other: each stays out once it is out.

use std::collections::BTreeSet;

use super::{Coordinator, RETRY_AFTER, is_end};
use crate::consumer::subscription::SubscriptionParts;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::group::Membership;
use crate::group::group_record::{MemberRecord, MemberState};
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};

impl Coordinator {
    /// The member is out. What it had ends by itself, refused whatever it tries to store; another one comes in its place.
    pub(super) async fn join_again(&mut self) -> bool {
        let group = self.parts.config.group_id.clone();
        self.membership.forget();
        self.incarnation += 1;
        let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
        while !self.is_closing() {
            let error = match self.try_to_join().await {
                Ok(membership) => {
                    let id = membership.id().to_owned();
                    self.parts.logger.warn(|| format!("group {group}: was out, joined again as {id}"));
                    self.membership = membership;
                    return true;
                }
                Err(error) => error,
            };
            if !error.is_retryable() {
                self.home.set.give_up();
                self.report(&error);
                return false;
            }
            self.parts.logger.warn(|| format!("group {group}: cannot join again yet: {error:?}"));
            let pause = backoff.next_delay(random::next_u32());
            tokio::select! {
                biased;
                _ = self.control.wait_for(|control| is_end(*control)) => {}
                () = clock::sleep(pause) => {}
            }
        }
        false
    }

    pub(super) async fn try_to_join(&mut self) -> Result<Membership> {
        if let Some(successor) = self.membership.replaced_by().await? {
            return Err(replaced(&self.parts, &successor));
        }
        loop {
            let record = record(&self.parts, self.incarnation, &self.declined);
            if let Some(membership) = Membership::join(self.parts.membership.clone(), record).await? {
                return Ok(membership);
            }
            self.incarnation += 1;
        }
    }
}

pub(super) fn record(parts: &SubscriptionParts, incarnation: u32, declined: &BTreeSet<u32>) -> MemberRecord {
    let config = &parts.config;
    MemberRecord {
        id: format!("{}/{incarnation}", parts.member_prefix),
        group_id: config.group_id.clone(),
        topic: config.topic.clone(),
        instance_id: None,
        process: parts.process.to_string(),
        partitions: config.partitions.clone(),
        declined: declined.iter().copied().collect(),
        is_manual: config.is_manual(),
        session_timeout_ms: config.session_timeout_ms,
        handover_timeout_ms: config.handover_timeout_ms,
        state: MemberState::Active,
        replaced_by: None,
        transaction_sessions: parts.handler_config.sessions.clone(),
    }
}

pub(super) fn joined_too_late(parts: &SubscriptionParts) -> Error {
    let config = &parts.config;
    let message = "the server took longer to let the consumer join than sessionTimeoutMs; subscribe again";
    Error::new(ErrorCode::Timeout, message).on_topic(&config.topic).in_group(&config.group_id)
}

fn replaced(parts: &SubscriptionParts, successor: &str) -> Error {
    let config = &parts.config;
    let name = parts.membership.instance_id.as_ref().map_or("", |instance| instance.name.as_str());
    let message = format!(
        "member {successor} has the instanceId {name} now, so this one is out; give each running process an instanceId \
         of its own, or none"
    );
    Error::new(ErrorCode::InstanceReplaced, message).on_topic(&config.topic).in_group(&config.group_id)
}
