//! One member of a group, from its joining to its leaving.

use std::sync::Arc;
use std::time::Duration;

use super::group_record::{GroupView, MemberRecord, MemberState, StoredMember};
use super::heartbeat::{Heartbeat, Pace};
use super::instance_id::InstanceId;
use super::leadership::{Leadership, LeadershipParts};
use super::lease::{Lease, LeaseStatus};
use super::process_identity;
use crate::error::Result;
use crate::observe::log::Logger;
use crate::runtime::clock;
use crate::store::contract::Store;
use crate::topic::TopicCatalog;

/// What a member works with.
#[derive(Clone)]
pub(crate) struct MembershipParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) topics: TopicCatalog,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) pace: Pace,
    pub(crate) rebalance_delay: Duration,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) logger: Logger,
}

/// A member that has joined.
pub(crate) struct Membership {
    parts: MembershipParts,
    record: MemberRecord,
    lease: Lease,
    leadership: Leadership,
    /// It has declined partitions, which is not stored yet.
    has_undeclared: bool,
}

/// The group as it was when the member looked.
#[derive(Debug)]
pub(crate) struct Look {
    /// What the member is to read; `None` if nobody has thought of it yet.
    pub(crate) assigned: Option<Vec<u32>>,
    /// Since when. Milliseconds.
    pub(crate) assigned_ms_ago: u64,
    /// Partitions of the topic that anybody is to read.
    pub(crate) taken: Vec<u32>,
    /// When to look again, if that is sooner than usual.
    pub(crate) next: Option<Duration>,
}

impl Membership {
    /// Joins. Who has this instance id before, or lived in a process that is gone, is out from now on. `None` if this
    /// member is out already, because an earlier try to join has taken effect, and nobody has heard of it since.
    pub(crate) async fn join(parts: MembershipParts, mut record: MemberRecord) -> Result<Option<Self>> {
        // Beside those of a transactional handler.
        record.transaction_sessions.extend(parts.store.transaction_sessions().await?);
        record.instance_id = parts.instance_id.as_ref().map(|instance| instance.name.clone());
        for member in parts.store.load_members(&record.group_id).await? {
            make_room(&parts, &mut record, &member).await?;
        }
        let joined = clock::now();
        if !parts.store.join_group(&record).await? {
            return Ok(None);
        }
        let lease = parts.heartbeat.add(&record.id, parts.pace, joined);
        let leadership = Leadership::new(LeadershipParts {
            store: Arc::clone(&parts.store),
            topics: parts.topics.clone(),
            group_id: record.group_id.clone(),
            pace: parts.pace,
            rebalance_delay: parts.rebalance_delay,
            logger: parts.logger.clone(),
        });
        let member = Self { parts, record, lease, leadership, has_undeclared: false };
        member.signal().await?;
        Ok(Some(member))
    }

    pub(crate) fn id(&self) -> &str {
        &self.record.id
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// What the group wants of the member. It leads if nobody does.
    pub(crate) async fn look(&mut self) -> Result<Look> {
        self.declare().await?;
        let GroupView { mut group, is_led } = self.parts.store.load_group(&self.record.group_id).await?;
        let may_lead = self.record.state == MemberState::Active && self.lease.status() == LeaseStatus::Held;
        if !is_led && may_lead {
            let (group_id, member) = (&self.record.group_id, &self.record.id);
            if self.parts.store.lead_group(group_id, member, group.leader_epoch).await? {
                self.parts.logger.info(|| format!("group {group_id}: {member} leads"));
            }
            group = self.parts.store.load_group(group_id).await?.group;
        }
        let mut next = None;
        if may_lead && group.leader.as_ref() == Some(&self.record.id) {
            let round = self.leadership.round(group, &self.lease).await?;
            (group, next) = (round.group, round.next);
        }
        let own = group.assignment.iter().find(|entry| entry.member == self.record.id);
        let of_topic = group.assignment.iter().filter(|entry| entry.topic == self.record.topic);
        Ok(Look {
            assigned: own.map(|entry| entry.partitions.clone()),
            assigned_ms_ago: group.assigned_ms_ago,
            taken: of_topic.flat_map(|entry| entry.partitions.iter().copied()).collect(),
            next,
        })
    }

    /// What the member is to read now, and since when, in milliseconds.
    pub(crate) async fn assigned(&self) -> Result<(Vec<u32>, u64)> {
        let group = self.parts.store.load_group(&self.record.group_id).await?.group;
        let own = group.assignment.into_iter().find(|entry| entry.member == self.record.id);
        Ok((own.map(|entry| entry.partitions).unwrap_or_default(), group.assigned_ms_ago))
    }

    /// Partitions that the member cannot read are for others. If that cannot be stored now, it is at the next look: until
    /// then nobody would read them.
    pub(crate) async fn decline(&mut self, partitions: &[u32]) -> Result<()> {
        self.record.declined.extend(partitions);
        self.has_undeclared = true;
        self.declare().await
    }

    async fn declare(&mut self) -> Result<()> {
        if !self.has_undeclared {
            return Ok(());
        }
        self.parts.store.change_member(&self.record).await?;
        self.has_undeclared = false;
        self.signal().await
    }

    /// The member is assigned nothing more, and others may have what it gives back.
    pub(crate) async fn begin_to_leave(&mut self) -> Result<()> {
        self.record.state = MemberState::Leaving;
        self.parts.store.change_member(&self.record).await?;
        self.parts.store.resign_leadership(&self.record.group_id, &self.record.id).await?;
        self.signal().await
    }

    /// The member has given everything back.
    pub(crate) async fn leave(&self) -> Result<()> {
        self.forget();
        self.parts.store.leave_group(&self.record.id).await?;
        self.signal().await
    }

    /// The group seems to have forgotten the member: a heartbeat tells whether it is out.
    pub(crate) fn doubt(&self) {
        self.parts.heartbeat.hurry();
    }

    /// No more heartbeats.
    pub(crate) fn forget(&self) {
        self.parts.heartbeat.remove(&self.record.id);
    }

    /// Tells the others to look.
    pub(crate) async fn signal(&self) -> Result<()> {
        self.parts.store.signal_group(&self.record.group_id).await
    }

    pub(crate) async fn members(&self) -> Result<Vec<StoredMember>> {
        self.parts.store.load_members(&self.record.group_id).await
    }

    /// The member that has its instance id now, if there is one. It need not have taken it from this one, which may have
    /// expired before.
    pub(crate) async fn replaced_by(&self) -> Result<Option<String>> {
        let members = self.members().await?;
        let own = members.iter().find(|member| member.record.id == self.record.id);
        if let Some(successor) = own.and_then(|own| own.record.replaced_by.clone()) {
            return Ok(Some(successor));
        }
        let Some(instance) = self.parts.instance_id.as_ref().filter(|instance| instance.is_given) else {
            return Ok(None);
        };
        let successor = members.into_iter().find(|member| {
            // A try to join again that was not answered is none.
            subscription_of(&member.record.id) != subscription_of(&self.record.id)
                && has_instance(&member.record, instance, &self.record.topic)
                && !member.is_overdue()
                && !process_identity::is_gone(&member.record.process)
        });
        Ok(successor.map(|successor| successor.record.id))
    }
}

/// A subscription that is cut short must not look alive.
impl Drop for Membership {
    fn drop(&mut self) {
        self.forget();
    }
}

/// The members that a subscription is, one after the other, differ in what stands behind the last slash.
fn subscription_of(member: &str) -> &str {
    member.rsplit_once('/').map_or(member, |(subscription, _)| subscription)
}

fn has_instance(member: &MemberRecord, instance: &InstanceId, topic: &str) -> bool {
    member.is_alive() && member.topic == topic && member.instance_id.as_ref() == Some(&instance.name)
}

async fn make_room(parts: &MembershipParts, record: &mut MemberRecord, member: &StoredMember) -> Result<()> {
    let other = &member.record;
    if !other.is_alive() || other.id == record.id {
        return Ok(());
    }
    if process_identity::is_gone(&other.process) {
        parts.store.fence_member(&other.id, None).await?;
        let id = other.id.clone();
        parts.logger.info(|| format!("the process of member {id} has ended: it is out"));
        return Ok(());
    }
    let Some(instance) = &parts.instance_id else { return Ok(()) };
    if !has_instance(other, instance, &record.topic) {
        return Ok(());
    }
    if !instance.is_given {
        // Two processes of one container.
        record.instance_id = None;
        return Ok(());
    }
    parts.store.fence_member(&other.id, Some(&record.id)).await?;
    let (id, name) = (other.id.clone(), instance.name.clone());
    parts.logger.warn(|| format!("member {id} had the instanceId {name}, which this one has now: it is out"));
    Ok(())
}
