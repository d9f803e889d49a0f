//! The actor that owns the process's change stream.
//!
//! It opens one stream over the collections that its members want and hands every event to them. When the set of
//! collections grows it opens the stream anew from the time up to which it has read; events that come twice are told
//! by their tokens. It does not wait long for a member: one whose buffer stays full leaves and reads on its own.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::feed_members::{FeedMembers, MemberId, WithoutRoom};
use super::feed_start::choose_start;
use super::group_signals::{GroupSignal, GroupSignals};
use super::partition_buffer::{Offer, PartitionBuffer};
use super::stream_token::StreamToken;
use crate::error::{Error, Result};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::sign_of_life::SignOfLife;
use crate::runtime::task_group::TaskGroup;
use crate::runtime::{clock, random};
use crate::store::contract::{FeedBatch, FeedCursor, FeedRequest, FeedStart, Store};

/// How long the feed waits in each batch for room in buffers: while everybody has something to do, and while somebody
/// has not. A partition that leaves reads the stream once more, by itself.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_BESIDE_IDLE: Duration = Duration::from_millis(50);

/// How the stream is read.
#[derive(Debug, Clone, Copy)]
pub struct FeedSettings {
    /// Events per batch at most.
    pub batch_size: u32,
    /// How long the server waits for an event before it answers with an empty batch.
    pub max_await: Duration,
}

/// A partition that wants to read the feed.
pub struct JoinRequest {
    /// Its collection.
    pub collection: Arc<str>,
    /// It has everything up to here.
    pub after: StreamToken,
    /// Where its events go.
    pub buffer: Arc<PartitionBuffer>,
}

/// A partition that reads the feed, as long as this is kept: dropping it leaves the feed.
#[derive(Debug)]
pub struct Joined {
    id: MemberId,
    commands: mpsc::WeakUnboundedSender<Command>,
    /// The feed gives what comes after this. If it is later than what was asked for, the buffer holds the feed's
    /// events back until the partition has read what lies between.
    pub from: StreamToken,
}

impl Drop for Joined {
    fn drop(&mut self) {
        // If the feed has ended, nobody is a member any more.
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.send(Command::Leave(self.id));
        }
    }
}

/// Handle of the feed. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    commands: mpsc::UnboundedSender<Command>,
    frontier: watch::Receiver<Option<StreamToken>>,
    signals: GroupSignals,
    sign: SignOfLife,
}

enum Command {
    Join { requests: Vec<JoinRequest>, reply: oneshot::Sender<Result<Vec<Joined>>> },
    Leave(MemberId),
    WatchGroups,
    Renew,
    Close,
}

impl Feed {
    /// Starts the actor. It opens no stream before somebody joins, and ends when the last handle is dropped.
    pub fn start(store: Arc<dyn Store>, settings: FeedSettings, tasks: &TaskGroup, logger: Logger) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (frontier_sender, frontier) = watch::channel(None);
        let actor = FeedActor {
            store,
            settings,
            logger,
            commands: receiver,
            to_itself: commands.downgrade(),
            postponed: VecDeque::new(),
            members: FeedMembers::default(),
            joining: Vec::new(),
            stream: None,
            starts_over: false,
            read_up_to: None,
            frontier: frontier_sender,
            signals: GroupSignals::default(),
            backoff: Backoff::of_store_calls(),
            sign: SignOfLife::new(),
        };
        let (signals, sign) = (actor.signals.clone(), actor.sign.clone());
        tasks.spawn("feed", actor.run());
        Self { commands, frontier, signals, sign }
    }

    /// Joins the feed. Resolves when the stream is open, with one answer per request, in order; on an error nobody
    /// has joined.
    pub async fn join(&self, requests: Vec<JoinRequest>) -> Result<Vec<Joined>> {
        let (reply, answer) = oneshot::channel();
        let closed = || Error::closed("the broker");
        self.commands.send(Command::Join { requests, reply }).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Signals changes of a group, as long as what is returned is kept. The stream is open meanwhile, also if nobody has
    /// joined. A signal may be late or missing: it only makes faster what happens anyway.
    pub fn watch_group(&self, group_id: &str) -> GroupSignal {
        let signal = self.signals.of(group_id);
        // Without the actor there are no signals.
        let _ = self.commands.send(Command::WatchGroups);
        signal
    }

    /// Opens the stream anew where it was read to.
    pub fn renew(&self) {
        // It may have ended.
        let _ = self.commands.send(Command::Renew);
    }

    /// Is given whenever the stream has advanced.
    pub fn sign(&self) -> SignOfLife {
        self.sign.clone()
    }

    /// Ends the actor and its stream, whoever still holds a handle.
    pub fn close(&self) {
        // It may have ended already.
        let _ = self.commands.send(Command::Close);
    }

    /// Whether the actor has gone: it was closed, or the runtime it ran on has ended.
    pub fn has_ended(&self) -> bool {
        self.commands.is_closed()
    }

    /// Everything up to here has been given to the members. Read it before looking into a buffer.
    pub fn frontier(&self) -> Option<StreamToken> {
        self.frontier.borrow().clone()
    }

    /// Waits for a frontier of which this is true. As with [`frontier`](Self::frontier), look into the buffer afterwards.
    pub async fn frontier_reaches(&self, is_reached: impl Fn(&StreamToken) -> bool) {
        let mut frontier = self.frontier.clone();
        let has_ended =
            frontier.wait_for(|frontier| frontier.as_ref().is_some_and(&is_reached)).await.is_err();
        if has_ended {
            // It does not advance any more.
            std::future::pending::<()>().await;
        }
    }
}

struct FeedActor {
    store: Arc<dyn Store>,
    settings: FeedSettings,
    logger: Logger,
    commands: mpsc::UnboundedReceiver<Command>,
    /// How those that have joined leave. Weak: the feed ends with its last handle.
    to_itself: mpsc::WeakUnboundedSender<Command>,
    /// Commands that came while a batch was being handed out.
    postponed: VecDeque<Command>,
    members: FeedMembers,
    /// Members that wait for the stream to be opened with their collections.
    joining: Vec<Joining>,
    stream: Option<OpenStream>,
    /// The stream has to be opened anew at `read_up_to`, which lies before what it has read.
    starts_over: bool,
    read_up_to: Option<StreamToken>,
    frontier: watch::Sender<Option<StreamToken>>,
    signals: GroupSignals,
    backoff: Backoff,
    sign: SignOfLife,
}

struct Joining {
    joined: Vec<Joined>,
    reply: oneshot::Sender<Result<Vec<Joined>>>,
}

struct OpenStream {
    cursor: Box<dyn FeedCursor>,
    collections: HashSet<Arc<str>>,
}

impl FeedActor {
    async fn run(mut self) {
        loop {
            if self.is_unwanted() {
                self.close_stream().await;
                let Some(command) = self.commands.recv().await else { break };
                self.apply(command);
                continue;
            }
            self.apply_waiting_commands();
            if self.starts_over || !self.stream_covers_members() {
                self.close_stream().await;
                self.open_stream().await;
                continue;
            }
            self.answer_joining();
            let Some(stream) = &mut self.stream else { continue };
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.apply(command),
                    None => break,
                },
                batch = stream.cursor.next_batch() => match batch {
                    Ok(batch) => self.dispatch(batch).await,
                    Err(error) => self.stream_failed(&error).await,
                },
            }
        }
        self.close_stream().await;
    }

    /// Nobody is there to read the stream for.
    fn is_unwanted(&self) -> bool {
        self.members.is_empty() && (self.commands.is_closed() || !self.signals.are_wanted())
    }

    fn apply_waiting_commands(&mut self) {
        while let Some(command) = self.postponed.pop_front() {
            self.apply(command);
        }
        while let Ok(command) = self.commands.try_recv() {
            self.apply(command);
        }
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Join { requests, reply } => self.add_members(requests, reply),
            Command::Leave(member) => self.members.remove(member),
            // It is looked at in each round.
            Command::WatchGroups => {}
            Command::Renew => self.starts_over = true,
            Command::Close => {
                self.members.remove_all();
                self.commands.close();
            }
        }
    }

    fn add_members(&mut self, requests: Vec<JoinRequest>, reply: oneshot::Sender<Result<Vec<Joined>>>) {
        if self.members.is_empty() {
            // An open stream, if there is one, has gone past these positions: its members have just left.
            self.starts_over = true;
            self.read_up_to = choose_start(requests.iter().map(|request| &request.after));
            self.frontier.send_replace(None);
        }
        let joined = requests.into_iter().map(|request| {
            let frontier = self.read_up_to.get_or_insert_with(|| request.after.clone());
            let is_behind = request.after < *frontier;
            let from = if is_behind { frontier.clone() } else { request.after };
            request.buffer.attach(is_behind);
            let id = self.members.add(request.collection, from.clone(), request.buffer);
            Joined { id, commands: self.to_itself.clone(), from }
        });
        let joined = joined.collect();
        self.joining.push(Joining { joined, reply });
    }

    fn answer_joining(&mut self) {
        for Joining { joined, reply } in self.joining.drain(..) {
            // If whoever asked has gone, it leaves by that.
            let _ = reply.send(Ok(joined));
        }
    }

    fn stream_covers_members(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(|stream| self.members.collections().all(|name| stream.collections.contains(name)))
    }

    async fn open_stream(&mut self) {
        self.starts_over = false;
        if self.members.is_empty() {
            // Groups are looked at as they are: nothing from before is missed.
            self.read_up_to = None;
        }
        let at = self.read_up_to.as_ref().map(StreamToken::cluster_time);
        let collections: HashSet<_> = self.members.collections().cloned().collect();
        let request = FeedRequest {
            collections: collections.iter().cloned().collect(),
            start: at.map_or(FeedStart::Now, FeedStart::At),
            batch_size: self.settings.batch_size,
            max_await: self.settings.max_await,
        };
        match self.store.open_feed(request).await {
            Ok(cursor) => {
                self.logger.debug(|| format!("change stream opened over {} collections", collections.len()));
                self.stream = Some(OpenStream { cursor, collections });
                self.signals.give_all();
            }
            Err(error) => {
                for Joining { joined, reply } in self.joining.drain(..) {
                    for member in &joined {
                        self.members.remove(member.id);
                    }
                    // Whoever has gone does not need the error.
                    let _ = reply.send(Err(error.clone()));
                }
                self.stream_failed(&error).await;
            }
        }
    }

    async fn close_stream(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.cursor.close().await;
        }
    }

    /// A broken connection heals by opening the stream again. Anything else does not, and each member finds out by
    /// itself what it means for its own position.
    async fn stream_failed(&mut self, error: &Error) {
        self.stream = None;
        if self.is_unwanted() {
            return;
        }
        if !error.is_retryable() {
            self.logger.error(|| format!("change stream ended: {error:?}"));
            self.members.remove_all();
        }
        let delay = self.backoff.next_delay(random::next_u32());
        self.logger.warn(|| {
            format!("change stream interrupted, opening it again in {} ms: {error:?}", delay.as_millis())
        });
        clock::sleep(delay).await;
    }

    async fn dispatch(&mut self, batch: FeedBatch) {
        self.backoff.reset();
        batch.changed_groups.iter().for_each(|group| self.signals.give(group));
        let mut waited = Duration::ZERO;
        for event in batch.events {
            if self.read_up_to.as_ref().is_none_or(|read_up_to| event.token > *read_up_to) {
                for without_room in self.members.dispatch(event) {
                    let since = clock::now();
                    self.wait_for_room(without_room, waited).await;
                    waited += since.elapsed();
                }
            }
        }
        let advanced = self.read_up_to.as_ref().is_none_or(|read_up_to| batch.frontier > *read_up_to);
        if advanced {
            self.sign.give();
            self.read_up_to = Some(batch.frontier.clone());
            self.frontier.send_replace(Some(batch.frontier));
        }
    }

    /// Gives an event once there is room for it. A member that makes none in time is removed: whoever only waits for the
    /// feed must not wait for its handler.
    async fn wait_for_room(&mut self, WithoutRoom { member, buffer, event }: WithoutRoom, waited: Duration) {
        let patience = if self.members.has_idle_others(member) { PATIENCE_BESIDE_IDLE } else { PATIENCE };
        let mut patience = std::pin::pin!(clock::sleep(patience.saturating_sub(waited)));
        while self.members.has(member) {
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command @ (Command::Leave(_) | Command::Close)) => self.apply(command),
                    // Who joins would get the rest of the batch without having seen its beginning.
                    Some(command) => self.postponed.push_back(command),
                    None => self.members.remove(member),
                },
                () = buffer.wait_for_a_place() => {
                    // It was this process that stood still, not the stream.
                    self.sign.give();
                    if !matches!(buffer.offer(event), Offer::Taken) {
                        self.members.remove(member);
                    }
                    return;
                }
                () = &mut patience => self.members.remove(member),
            }
        }
    }
}
