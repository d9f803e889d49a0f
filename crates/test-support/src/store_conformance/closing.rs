//! After the end.

use std::sync::Arc;

use bson::{Bson, DateTime, doc};
use csb_core::dead_letter::{LetterOrder, LetterQuery, RedriveFailure, RedrivePlan, StoredLetter};
use csb_core::error::Result;
use csb_core::error_code::ErrorCode;
use csb_core::feed::stream_token::ClusterTime;
use csb_core::store::contract::{Claim, FeedStart, HistoryRange, OffsetRecord, Store, Topic};

use super::event_reader::request;
use super::message::message;
use super::offsets::{EARLY, after, dead_letter, key};
use super::{dead_letters, groups};

fn assert_closed<T>(call: &str, outcome: Result<T>) {
    let error = outcome.map(drop).expect_err(call);
    assert_eq!(error.code(), ErrorCode::Closed, "{call}");
}

/// With the code that says so, at once, every time. Closing twice is fine.
pub async fn every_call_after_close_fails(store: Arc<dyn Store>) {
    store.append("c", &[message("a")]).await.expect("appends");
    store.close().await;
    store.close().await;

    let topic = Topic { name: "t".into(), collection: "t".into(), partitions: 1, retention_ms: 1 };
    let claim = Claim { key: key(0), owner: "a".into(), epoch: 1, revision: 1 };
    let position = after(EARLY);
    let range = HistoryRange::Unstamped { after: None, since: None };
    let record = OffsetRecord { key: key(0), offset: Bson::Null, timestamp: DateTime::now() };
    assert_closed("connect", store.connect().await);
    assert_closed("load_topic", store.load_topic("t").await);
    assert_closed("save_topic", store.save_topic(&topic).await);
    assert_closed("prepare_partition", store.prepare_partition("c", 1).await);
    assert_closed("retention_index", store.retention_index("c").await);
    assert_closed("retention_stats", store.retention_stats().await);
    assert_closed("renew_client", store.renew_client().await);
    assert_closed("sample_message", store.sample_message("c").await);
    assert_closed("append", store.append("c", &[message("b")]).await);
    assert_closed("open_feed", store.open_feed(request(&["c"], FeedStart::Now)).await);
    assert_closed("count_history", store.count_history("c", range.clone(), 1).await);
    assert_closed("read_history", store.read_history("c", range.clone(), None, 1).await);
    let as_of = Some(ClusterTime { seconds: 1, increment: 1 });
    assert_closed("read_snapshot", store.read_history("c", range, as_of, 1).await);
    assert_closed("cluster_time", store.cluster_time().await);
    assert_closed("load_offset", store.load_offset(&key(0)).await);
    assert_closed("claim_offset", store.claim_offset(&key(0), "a").await);
    let checkpoint = position.into();
    assert_closed("group_birth", store.group_birth("billing", "orders").await);
    assert_closed("restore_offset", store.restore_offset(&claim, &checkpoint).await);
    assert_closed("commit_offset", store.commit_offset(&claim, &checkpoint).await);
    assert_closed("record_attempts", store.record_attempts(&claim, &[]).await);
    assert_closed("forget_unclean_ends", store.forget_unclean_ends(&claim).await);
    assert_closed("release_offset", store.release_offset(&claim, 0).await);
    let letter = store.commit_dead_letter(&claim, &checkpoint, &dead_letter()).await;
    assert_closed("commit_dead_letter", letter);
    assert_closed("list_offsets", store.list_offsets("billing").await);
    assert_closed("read_offset_record", store.read_offset_record(&key(0)).await);
    assert_closed("write_offset_record", store.write_offset_record(&record).await);
}

/// As all others.
pub async fn every_call_on_dead_letters_after_close_fails(store: Arc<dyn Store>) {
    dead_letters::bury(&*store, dead_letter()).await;
    let filter = dead_letters::filter(&doc! {});
    let plan = RedrivePlan { id: "r".into(), rate_per_second: None };
    store.request_redrive(&filter, &plan).await.expect("marks");
    let pending = store.next_redrive(&key(0)).await.expect("looks").expect("a marked letter");
    store.close().await;

    let claim = Claim { key: key(0), owner: "a".into(), epoch: 1, revision: 1 };
    let letter = StoredLetter::buried(dead_letter());
    let failure = RedriveFailure { attempts: Vec::new(), at: DateTime::now(), retention_ms: None };
    let query = LetterQuery { filter: filter.clone(), order: LetterOrder::Newest, limit: 1, after: None };
    assert_closed("list_letters", store.list_letters(&query).await);
    assert_closed("count_letters", store.count_letters(&filter).await);
    assert_closed("purge_letters", store.purge_letters(&filter).await);
    assert_closed("request_redrive", store.request_redrive(&filter, &plan).await);
    assert_closed("cancel_redrive", store.cancel_redrive(&filter).await);
    assert_closed("has_redrives", store.has_redrives("billing", "orders").await);
    assert_closed("next_redrive", store.next_redrive(&key(0)).await);
    assert_closed("take_redrive", store.take_redrive(&claim, &pending).await);
    assert_closed("finish_redrive", store.finish_redrive(&claim, &letter).await);
    assert_closed("fail_redrive", store.fail_redrive(&claim, &letter, &failure).await);
    assert_closed("return_redrive", store.return_redrive(&claim, &letter).await);
    assert_closed("load_message", store.load_message("c", &"a".into()).await);
}

/// As all others.
pub async fn every_call_on_groups_after_close_fails(store: Arc<dyn Store>) {
    store.close().await;

    let member = groups::member("a");
    assert_closed("join_group", store.join_group(&member).await);
    assert_closed("change_member", store.change_member(&member).await);
    assert_closed("beat", store.beat(&["a".into()]).await);
    assert_closed("leave_group", store.leave_group("a").await);
    assert_closed("load_members", store.load_members("g").await);
    assert_closed("expire_member", store.expire_member("a").await);
    assert_closed("fence_member", store.fence_member("a", None).await);
    assert_closed("load_group", store.load_group("g").await);
    assert_closed("lead_group", store.lead_group("g", "a", 0).await);
    assert_closed("resign_leadership", store.resign_leadership("g", "a").await);
    assert_closed("assign_partitions", store.assign_partitions("g", 1, 1, &[]).await);
    assert_closed("signal_group", store.signal_group("g").await);
    assert_closed("owned_partitions", store.owned_partitions("g", "t", "a").await);
    assert_closed("unfenced_writes", store.unfenced_writes("g", "t", "a").await);
    assert_closed("transaction_sessions", store.transaction_sessions().await);
    assert_closed("end_sessions", store.end_sessions(&member.transaction_sessions).await);
}
