//! Gathers what all processes of a run write.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use csb_core::runtime::clock;
use tokio::sync::watch;

use crate::history::{Event, Happening};
use crate::member::HistoryWriter;

/// Events that are shown when waiting fails.
const LAST_EVENTS: usize = 8;

/// The history of a run, as it grows.
pub struct HistoryLog {
    writer: PipeWriter,
    shared: Arc<Shared>,
    deadline: Duration,
}

struct Shared {
    events: Mutex<Vec<Event>>,
    news: watch::Sender<News>,
}

#[derive(Default)]
struct News {
    events: usize,
    /// Why nothing more can be expected.
    problem: Option<String>,
}

/// Says that something went wrong with a process, to whoever waits for events.
#[derive(Clone)]
pub(super) struct ProblemReporter(Arc<Shared>);

impl ProblemReporter {
    pub(super) fn report(&self, problem: String) {
        self.0.news.send_modify(|news| news.problem = Some(problem));
    }
}

impl HistoryLog {
    #[expect(clippy::disallowed_methods, reason = "a pipe that blocks is read outside of the runtime")]
    pub(super) fn start(deadline: Duration) -> Self {
        let (reader, writer) = io::pipe().expect("a pipe");
        let shared = Arc::new(Shared { events: Mutex::default(), news: watch::Sender::default() });
        let gathered = Arc::clone(&shared);
        thread::spawn(move || gather(reader, &gathered));
        Self { writer, shared, deadline }
    }

    pub(super) fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Where a member writes. The clones are one pipe, so that everybody's lines have one order.
    pub(super) fn output(&self) -> Stdio {
        self.writer.try_clone().expect("another end of the pipe").into()
    }

    pub(super) fn writer(&self, name: &str) -> HistoryWriter {
        HistoryWriter::on(name, self.writer.try_clone().expect("another end of the pipe").into())
    }

    pub(super) fn problems(&self) -> ProblemReporter {
        ProblemReporter(Arc::clone(&self.shared))
    }

    /// Events so far.
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Whether nothing happened yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.shared.lock())
    }

    /// Looks at the events from this index on, those to come too, until one of them is what was waited for. Returns
    /// the index behind it.
    pub async fn wait_for(
        &self,
        from: usize,
        what: &str,
        mut is_wanted: impl FnMut(usize, &Event) -> bool,
    ) -> usize {
        let mut news = self.shared.news.subscribe();
        let mut next = from;
        let waiting = async {
            loop {
                {
                    let events = self.shared.lock();
                    while let Some(event) = events.get(next) {
                        next += 1;
                        if is_wanted(next - 1, event) {
                            return next;
                        }
                    }
                }
                let arrived = news.wait_for(|news| news.events > next || news.problem.is_some()).await;
                let problem = arrived.expect("the log is there").problem.clone();
                assert!(problem.is_none(), "while waiting for {what}: {}", problem.unwrap_or_default());
            }
        };
        let waited = clock::timeout(self.deadline, waiting).await;
        waited.unwrap_or_else(|| panic!("not within {:?}: {what}; {}", self.deadline, self.last_events()))
    }

    /// Waits until a member has told this.
    pub async fn wait_for_happening(&self, member: &str, happening: &Happening) -> usize {
        let what = format!("{happening:?} of {member}");
        self.wait_for(0, &what, |_, event| event.member == member && event.happening == *happening).await
    }

    /// Looks at everything so far.
    pub fn look(&self, see: impl FnMut(&Event)) {
        self.look_from(0, see);
    }

    /// Looks at everything so far from this index on.
    pub fn look_from(&self, from: usize, see: impl FnMut(&Event)) {
        self.shared.lock().iter().skip(from).for_each(see);
    }

    /// Fails if something has happened that must not.
    pub fn assert_never(&self, what: &str, mut is_forbidden: impl FnMut(&Event) -> bool) {
        let events = self.shared.lock();
        let found = events.iter().find(|event| is_forbidden(event));
        assert!(found.is_none(), "{what}: {found:?}");
    }

    fn last_events(&self) -> String {
        let events = self.shared.lock();
        let last = events.iter().skip(events.len().saturating_sub(LAST_EVENTS));
        let last: Vec<_> = last.map(|event| format!("{event:?}")).collect();
        format!("{} events, the last:\n{}", events.len(), last.join("\n"))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a thread of its own: members and the run's own tasks wait while the pipe is full, so emptying it may not wait
/// for any of them.
fn gather(reader: PipeReader, shared: &Shared) {
    for line in BufReader::new(reader).lines() {
        let event = line.map_err(|error| format!("the history cannot be read: {error}")).and_then(|line| {
            serde_json::from_str::<Event>(&line).map_err(|error| format!("no event: {line}: {error}"))
        });
        match event {
            Ok(event) => {
                let mut events = shared.lock();
                events.push(event);
                let count = events.len();
                drop(events);
                shared.news.send_modify(|news| news.events = count);
            }
            Err(problem) => return shared.news.send_modify(|news| news.problem = Some(problem)),
        }
    }
}
