//! Members and groups: who lives, who leads, who is to read what.

use std::sync::Arc;
use std::time::Duration;

use bson::Binary;
use bson::spec::BinarySubtype;
use csb_core::group::assignment::MemberPartitions;
use csb_core::group::group_record::{GroupView, MemberRecord, MemberState};
use csb_core::runtime::clock;
use csb_core::store::contract::{FeedRequest, FeedStart, Store};

const GROUP: &str = "$group";
const DEADLINE: Duration = Duration::from_secs(30);

/// Its names look like expressions of the server's, which they are not.
pub(super) fn member(id: &str) -> MemberRecord {
    MemberRecord {
        id: id.to_owned(),
        group_id: GROUP.to_owned(),
        topic: "$$NOW".to_owned(),
        instance_id: Some("$instance".to_owned()),
        process: "process".to_owned(),
        partitions: Some(vec![0, 1023]),
        declined: vec![7],
        is_manual: true,
        session_timeout_ms: 60_000,
        handover_timeout_ms: 30_000,
        state: MemberState::Active,
        replaced_by: None,
        transaction_sessions: vec![Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] }],
    }
}

async fn join(store: &Arc<dyn Store>, member: &MemberRecord) {
    store.join_group(member).await.expect("joined");
}

async fn members(store: &Arc<dyn Store>) -> Vec<MemberRecord> {
    let members = store.load_members(GROUP).await.expect("loaded");
    members.into_iter().map(|member| member.record).collect()
}

async fn view(store: &Arc<dyn Store>) -> GroupView {
    store.load_group(GROUP).await.expect("loaded")
}

fn entry(member: &str, partitions: &[u32]) -> MemberPartitions {
    MemberPartitions {
        member: member.to_owned(),
        instance_id: None,
        topic: "$topic".to_owned(),
        partitions: partitions.to_vec(),
    }
}

/// Whatever their names look like; joining twice makes one.
pub async fn members_come_back_as_they_were(store: Arc<dyn Store>) {
    let plain = MemberRecord {
        instance_id: None,
        partitions: None,
        declined: Vec::new(),
        is_manual: false,
        transaction_sessions: Vec::new(),
        ..member("b")
    };
    join(&store, &plain).await;
    join(&store, &member("a")).await;
    join(&store, &MemberRecord { group_id: "another".to_owned(), ..member("c") }).await;
    // The answer to the first try may have been lost.
    join(&store, &member("a")).await;
    assert_eq!(members(&store).await, [member("a"), plain]);
    store.leave_group("a").await.expect("left");
    store.leave_group("a").await.expect("gone is gone");
    assert_eq!(members(&store).await.len(), 1);
}

/// Out is for good.
pub async fn a_member_may_change_until_it_is_out(store: Arc<dyn Store>) {
    join(&store, &member("a")).await;
    let changed = MemberRecord { declined: vec![1, 2], state: MemberState::Leaving, ..member("a") };
    assert!(store.change_member(&changed).await.expect("changed"));
    assert_eq!(members(&store).await, std::slice::from_ref(&changed));
    assert!(store.fence_member("a", Some("b")).await.expect("fenced"));
    assert!(!store.fence_member("a", None).await.expect("answered"), "once");
    assert!(!store.change_member(&member("a")).await.expect("answered"));
    assert!(!store.change_member(&member("nobody")).await.expect("answered"));
    let out = MemberRecord { state: MemberState::Fenced, replaced_by: Some("b".to_owned()), ..changed };
    assert_eq!(members(&store).await, std::slice::from_ref(&out));
    // A try to join that was given up and takes effect now.
    join(&store, &member("a")).await;
    let [late] = members(&store).await.try_into().expect("one");
    assert_eq!((late.state, late.replaced_by), (out.state, out.replaced_by));
}

/// Fenced or gone; one that leaves still counts.
pub async fn a_heartbeat_tells_who_is_out(store: Arc<dyn Store>) {
    for id in ["a", "b", "c"] {
        join(&store, &member(id)).await;
    }
    let all: Vec<_> = ["a", "b", "c"].map(str::to_owned).into();
    assert!(store.beat(&all).await.expect("answered").is_empty());
    let leaving = MemberRecord { state: MemberState::Leaving, ..member("a") };
    store.change_member(&leaving).await.expect("changed");
    store.fence_member("b", None).await.expect("fenced");
    store.leave_group("c").await.expect("left");
    assert_eq!(store.beat(&all).await.expect("answered"), ["b", "c"]);
}

/// By the session of the member itself, once.
pub async fn only_who_is_silent_is_expired(store: Arc<dyn Store>) {
    let brief = |id| MemberRecord { session_timeout_ms: 200, ..member(id) };
    join(&store, &brief("silent")).await;
    join(&store, &brief("heard")).await;
    join(&store, &member("patient")).await;
    let heard = ["heard".to_owned()];
    let all_silent = async || {
        let members = store.load_members(GROUP).await.expect("loaded");
        members.iter().all(|member| member.is_overdue() == (member.record.id != "patient"))
    };
    while !all_silent().await {
        clock::sleep(Duration::from_millis(20)).await;
    }
    store.beat(&heard).await.expect("answered");
    for (id, is_expired) in [("silent", true), ("silent", false), ("patient", false), ("nobody", false)] {
        assert_eq!(store.expire_member(id).await.expect("answered"), is_expired, "{id}");
    }
    let out: Vec<_> = members(&store).await.into_iter().filter(|member| !member.is_alive()).collect();
    assert_eq!(out.iter().map(|member| member.id.as_str()).collect::<Vec<_>>(), ["silent"]);
}

/// And a leader that is out leads nobody.
pub async fn an_epoch_has_one_leader(store: Arc<dyn Store>) {
    assert_eq!(view(&store).await, GroupView::default());
    join(&store, &member("a")).await;
    join(&store, &member("b")).await;
    let elect = async |member: &str, epoch| store.lead_group(GROUP, member, epoch).await.expect("answered");
    assert!(elect("a", 0).await && !elect("b", 0).await);
    let seen = view(&store).await;
    assert_eq!((seen.group.leader.as_deref(), seen.group.leader_epoch, seen.is_led), (Some("a"), 1, true));
    store.resign_leadership(GROUP, "b").await.expect("not the leader");
    assert!(view(&store).await.is_led);
    store.resign_leadership(GROUP, "a").await.expect("resigned");
    let seen = view(&store).await;
    assert_eq!((seen.group.leader, seen.group.leader_epoch, seen.is_led), (None, 1, false));
    assert!(elect("b", 1).await);
    store.fence_member("b", None).await.expect("fenced");
    assert!(!view(&store).await.is_led, "its leader is out");
    assert!(elect("a", 2).await && !elect("b", 2).await);
    let leaving = MemberRecord { state: MemberState::Leaving, ..member("a") };
    store.change_member(&leaving).await.expect("changed");
    assert!(!view(&store).await.is_led, "its leader leaves");
}

/// Of many that try at the same time one succeeds.
pub async fn concurrent_leaders_are_one(store: Arc<dyn Store>) {
    let ids: Vec<_> = (0..8).map(|number| format!("member-{number}")).collect();
    let tries = ids.iter().map(|id| store.lead_group(GROUP, id, 0));
    let won = futures_util::future::join_all(tries).await;
    let won: Vec<_> = won.into_iter().map(|is_leader| is_leader.expect("answered")).collect();
    assert_eq!(won.iter().filter(|is_leader| **is_leader).count(), 1);
    let leader = view(&store).await.group.leader.expect("a leader");
    assert!(won[ids.iter().position(|id| *id == leader).expect("one of them")]);
}

/// Under the leader's epoch, and after the generation that it has seen.
pub async fn an_assignment_follows_the_one_before(store: Arc<dyn Store>) {
    let assignment = vec![entry("a", &[0, 1023]), entry("b", &[])];
    let assign = async |epoch, generation, assignment: &[MemberPartitions]| {
        store.assign_partitions(GROUP, epoch, generation, assignment).await.expect("answered")
    };
    assert!(!assign(0, 0, &assignment).await, "nobody leads");
    assert!(store.lead_group(GROUP, "a", 0).await.expect("answered"));
    assert!(!assign(0, 0, &assignment).await && !assign(1, 1, &assignment).await);
    assert!(assign(1, 0, &assignment).await && !assign(1, 0, &[]).await);
    let stored = view(&store).await.group;
    assert_eq!((stored.generation, &stored.assignment), (1, &assignment));
    assert!(store.lead_group(GROUP, "b", 1).await.expect("answered"));
    assert!(!assign(1, 1, &[]).await, "somebody else leads");
    assert!(assign(2, 1, &[]).await);
    assert_eq!((view(&store).await.group.generation, view(&store).await.group.assignment), (2, Vec::new()));
    let since = view(&store).await.group.assigned_ms_ago;
    clock::sleep(Duration::from_millis(50)).await;
    let later = view(&store).await.group.assigned_ms_ago;
    assert!(later >= since + 40, "{since}, then {later}");
}

/// Also one that wants no message at all.
pub async fn a_feed_shows_that_a_group_has_changed(store: Arc<dyn Store>) {
    let request = FeedRequest {
        collections: Vec::new(),
        start: FeedStart::Now,
        batch_size: 100,
        max_await: Duration::from_millis(100),
    };
    store.lead_group(GROUP, "a", 0).await.expect("answered");
    store.lead_group("another", "a", 0).await.expect("answered");
    let mut feed = store.open_feed(request).await.expect("open");
    let mut next_change = async || {
        let changed = clock::timeout(DEADLINE, async {
            loop {
                let batch = feed.next_batch().await.expect("a batch");
                assert!(batch.events.is_empty());
                if !batch.changed_groups.is_empty() {
                    return batch.changed_groups;
                }
            }
        });
        changed.await.expect("a change")
    };
    store.signal_group("unknown").await.expect("nobody to tell");
    store.signal_group(GROUP).await.expect("told");
    assert_eq!(next_change().await, [GROUP]);
    store.assign_partitions("another", 1, 0, &[]).await.expect("answered");
    assert_eq!(next_change().await, ["another"]);
    store.resign_leadership(GROUP, "a").await.expect("answered");
    assert_eq!(next_change().await, [GROUP]);
    store.lead_group(GROUP, "b", 1).await.expect("answered");
    assert_eq!(next_change().await, [GROUP]);
    feed.close().await;
}

/// Also such that do not exist.
pub async fn sessions_can_be_ended(store: Arc<dyn Store>) {
    let own = store.transaction_sessions().await.expect("begun");
    assert_eq!(store.transaction_sessions().await.expect("known"), own);
    store.end_sessions(&own).await.expect("ended");
    let unknown = Binary { subtype: BinarySubtype::Uuid, bytes: vec![9; 16] };
    store.end_sessions(&[unknown]).await.expect("nothing to end");
    store.end_sessions(&[]).await.expect("nothing to do");
}
