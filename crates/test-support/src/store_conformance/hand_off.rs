//! From stored messages to the stream: everything once, while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::Bson;
use csb_core::feed::stream_token::ClusterTime;
use csb_core::runtime::clock;
use csb_core::store::contract::{FeedStart, HistoryRange, Store};
use tokio::sync::watch;

use super::event_reader::{DEADLINE, EventReader};
use super::message::{EARLIEST, LATEST, id_of, ids, message, messages, stamp_of};

const COLLECTION: &str = "c";
/// Gets the last message of all, so that the reader knows that there is no more.
const END: &str = "end";
const PAGE: u32 = 7;

/// One of several concurrent writers.
struct Writer {
    name: &'static str,
    appends: watch::Sender<usize>,
}

impl Writer {
    fn new(name: &'static str) -> Self {
        Self { name, appends: watch::Sender::new(0) }
    }

    /// Appends one to three messages at a time until told to stop. Returns the ids of all.
    async fn run(&self, store: &dyn Store, stop: &AtomicBool) -> Vec<Bson> {
        let mut written = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let number = *self.appends.borrow();
            let batch = messages(&format!("{}-{number}-", self.name), number % 3 + 1);
            store.append(COLLECTION, &batch).await.expect("appends");
            written.extend(ids(&batch));
            self.appends.send_modify(|count| *count += 1);
            tokio::task::yield_now().await;
        }
        written
    }

    /// Waits until this many more appends were acknowledged.
    async fn after_more(&self, count: usize) {
        let mut appends = self.appends.subscribe();
        let goal = *appends.borrow() + count;
        let reached = clock::timeout(DEADLINE, appends.wait_for(|count| *count >= goal)).await;
        reached.expect("the writer goes on").expect("the writer is there");
    }
}

/// Messages stamped up to `until` come from the collection, the others from the stream that starts behind `until`.
/// When the collection is read every append that was under way at `until` has been acknowledged, as the engine's
/// margin makes sure.
pub async fn history_and_stream_are_disjoint_and_complete(store: Arc<dyn Store>) {
    let (writers, stop) = (["x", "y", "z"].map(Writer::new), AtomicBool::new(false));
    let read = async {
        progress(&writers, 10).await;
        let until = store.cluster_time().await.expect("a time");
        // Two more: the first of them may have begun before `until` was read.
        progress(&writers, 2).await;
        let history = read_all(&*store, until, None).await;
        let reader = EventReader::open(&*store, &[COLLECTION, END], FeedStart::At(until.next())).await;
        progress(&writers, 10).await;
        stop.store(true, Ordering::Relaxed);
        (until, history, reader)
    };
    let (x, y, z, (until, history, mut reader)) = tokio::join!(
        writers[0].run(&*store, &stop),
        writers[1].run(&*store, &stop),
        writers[2].run(&*store, &stop),
        read,
    );

    let written = [x, y, z].concat();
    store.append(END, &[message("end")]).await.expect("appends");
    assert!(history.len() >= 3 * 10 && written.len() - history.len() >= 3 * 10, "{} read", history.len());
    let mut found = history.clone();
    loop {
        let events = reader.next_events(1).await;
        let ended = events.iter().any(|event| &*event.collection == END);
        let new = events.iter().filter(|event| &*event.collection == COLLECTION);
        found.extend(
            new.filter(|event| stamp_of(&event.document) > until).map(|event| id_of(&event.document)),
        );
        if ended {
            break;
        }
    }
    reader.close().await;
    assert_eq!(sorted(&found), sorted(&written));
}

/// What the collection shows as of a time, and the stream behind that time: for any time, whatever is under way.
pub async fn a_snapshot_and_the_stream_behind_it_are_disjoint_and_complete(store: Arc<dyn Store>) {
    let (writers, stop) = (["x", "y", "z"].map(Writer::new), AtomicBool::new(false));
    let read = async {
        progress(&writers, 10).await;
        let time = store.cluster_time().await.expect("a time");
        progress(&writers, 2).await;
        let history = read_all(&*store, LATEST, Some(time)).await;
        let reader = EventReader::open(&*store, &[COLLECTION, END], FeedStart::At(time.next())).await;
        progress(&writers, 10).await;
        stop.store(true, Ordering::Relaxed);
        (history, reader)
    };
    let (x, y, z, (history, mut reader)) = tokio::join!(
        writers[0].run(&*store, &stop),
        writers[1].run(&*store, &stop),
        writers[2].run(&*store, &stop),
        read,
    );
    let written = [x, y, z].concat();
    store.append(END, &[message("end")]).await.expect("appends");
    assert!(history.len() >= 3 * 10 && written.len() - history.len() >= 3 * 10, "{} read", history.len());
    let mut found = history;
    loop {
        let events = reader.next_events(1).await;
        let new = events.iter().filter(|event| &*event.collection == COLLECTION);
        found.extend(new.map(|event| id_of(&event.document)));
        if events.iter().any(|event| &*event.collection == END) {
            break;
        }
    }
    reader.close().await;
    assert_eq!(sorted(&found), sorted(&written));
}

async fn progress(writers: &[Writer; 3], appends: usize) {
    let [x, y, z] = writers;
    tokio::join!(x.after_more(appends), y.after_more(appends), z.after_more(appends));
}

async fn read_all(store: &dyn Store, until: ClusterTime, as_of: Option<ClusterTime>) -> Vec<Bson> {
    let (mut found, mut after) = (Vec::new(), EARLIEST);
    loop {
        let range = HistoryRange::Stamped { after, until };
        let page = store.read_history(COLLECTION, range, as_of, PAGE).await.expect("reads");
        let Some(last) = page.last() else { return found };
        after = stamp_of(last);
        found.extend(ids(&page));
        tokio::task::yield_now().await;
    }
}

fn sorted(ids: &[Bson]) -> Vec<String> {
    let mut texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts
}
