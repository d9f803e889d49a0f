//! The states of a buffer's link to the feed, for the reference.

use std::sync::Arc;

use bson::rawdoc;

use super::{Offer, PartitionBuffer};
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::reference::enum_docs::{EnumDocs, module_docs, variant_name};
use crate::reference::state_machine::{Event, Exploration, StateMachine};
use crate::store::contract::FeedEvent;

const SOURCE: &str = include_str!("../partition_buffer.rs");

type Buffer = Arc<PartitionBuffer>;
type LinkEvent = Event<Buffer>;

fn bring_into(state: &str) -> Buffer {
    // The first event fills it.
    let buffer = PartitionBuffer::new(1);
    match state {
        "Detached" => {}
        "Holding" => buffer.attach(true),
        "Live" => buffer.attach(false),
        other => panic!("no way into {other}"),
    }
    buffer
}

fn offer(buffer: &Buffer) -> String {
    let token = StreamToken::after(ClusterTime { seconds: 1, increment: 1 });
    match buffer.offer(FeedEvent { collection: "t_p0".into(), token, document: rawdoc! {} }) {
        Offer::Taken => "taken".to_owned(),
        Offer::Full(_) => "full".to_owned(),
        Offer::Refused => "refused".to_owned(),
    }
}

pub(crate) fn machine() -> StateMachine {
    Exploration {
        title: "Link of a partition's buffer to the feed",
        file: "feed/partition_buffer.rs",
        introduction: module_docs(SOURCE)
            + "\n\nAfter `full` the feed offers again when there is room, for a short time; after `refused` it drops the \
               partition, whose reader goes on by itself.",
        states: EnumDocs::read(SOURCE, "FeedLink"),
        bring_into,
        state_of: |buffer| variant_name(&buffer.lock().link),
        events: vec![
            LinkEvent::new("the feed joins where the reader stands (`attach`)", |buffer| {
                buffer.attach(false);
                String::new()
            }),
            LinkEvent::new("the feed joins ahead of the reader (`attach`)", |buffer| {
                buffer.attach(true);
                String::new()
            }),
            LinkEvent::new("the reader has given what comes before (`release_held`)", |buffer| {
                if buffer.release_held() { "done" } else { "the feed has left" }.to_owned()
            }),
            LinkEvent::new("the feed offers an event, there is room (`offer`)", |buffer| offer(buffer)),
            LinkEvent::new("the feed offers an event, there is no room (`offer`)", |buffer| {
                offer(buffer);
                offer(buffer)
            }),
            LinkEvent::new("the feed drops the partition, or ends (`detach`)", |buffer| {
                buffer.detach();
                String::new()
            }),
        ],
    }
    .run()
}
