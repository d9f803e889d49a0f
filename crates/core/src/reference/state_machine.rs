//! A table of states and events that is made by trying each event in each state, on the code that the engine runs.

use super::enum_docs::EnumDocs;
use super::markdown::Markdown;

/// What can happen to an `S`. It returns what was answered, or nothing.
pub(crate) struct Event<S> {
    pub(crate) name: &'static str,
    /// Where it can happen; everywhere if empty.
    pub(crate) only_in: &'static [&'static str],
    pub(crate) happen: fn(&mut S) -> String,
}

impl<S> Event<S> {
    pub(crate) fn new(name: &'static str, happen: fn(&mut S) -> String) -> Self {
        Self { name, only_in: &[], happen }
    }

    /// The engine does it in these states only.
    pub(crate) fn only_in(self, only_in: &'static [&'static str]) -> Self {
        Self { only_in, ..self }
    }
}

/// States as they are to be explored.
pub(crate) struct Exploration<S> {
    pub(crate) title: &'static str,
    /// Source file under `crates/core/src/`.
    pub(crate) file: &'static str,
    pub(crate) introduction: String,
    pub(crate) states: EnumDocs,
    /// Brings an `S` into the state with this name.
    pub(crate) bring_into: fn(&str) -> S,
    pub(crate) state_of: fn(&S) -> String,
    pub(crate) events: Vec<Event<S>>,
}

/// What came of it.
pub(crate) struct StateMachine {
    title: &'static str,
    file: &'static str,
    introduction: String,
    states: EnumDocs,
    /// Of each event its name, and what it makes of each state.
    transitions: Vec<Vec<String>>,
}

impl<S> Exploration<S> {
    pub(crate) fn run(self) -> StateMachine {
        let transitions = self.events.iter().map(|event| {
            let cells = self.states.variants.iter().map(|(state, _)| self.try_event(event, state));
            std::iter::once(event.name.to_owned()).chain(cells).collect()
        });
        let transitions = transitions.collect();
        let Self { title, file, introduction, states, .. } = self;
        StateMachine { title, file, introduction, states, transitions }
    }

    fn try_event(&self, event: &Event<S>, state: &str) -> String {
        let mut subject = (self.bring_into)(state);
        assert_eq!((self.state_of)(&subject), state, "{}: brought into another state", self.title);
        if !event.only_in.is_empty() && !event.only_in.contains(&state) {
            return String::new();
        }
        let answer = (event.happen)(&mut subject);
        let after = (self.state_of)(&subject);
        assert!(
            self.states.variants.iter().any(|(known, _)| *known == after),
            "{}: unknown state {after}",
            self.title
        );
        let after = if after == state { "–".to_owned() } else { format!("**{after}**") };
        if answer.is_empty() { after } else { format!("{after} ({answer})") }
    }
}

impl StateMachine {
    pub(super) fn write_to(&self, document: &mut Markdown) {
        document.heading(2, self.title);
        document.paragraphs(&format!("{}\n\nSource: `crates/core/src/{}`.", self.introduction, self.file));
        let head = vec!["state".to_owned(), self.states.about.trim_end_matches('.').to_owned()];
        let states =
            self.states.variants.iter().map(|(name, meaning)| vec![format!("**{name}**"), meaning.clone()]);
        document.table(&std::iter::once(head).chain(states).collect::<Vec<_>>());
        let names = self.states.variants.iter().map(|(name, _)| format!("in **{name}**"));
        let head = std::iter::once("event".to_owned()).chain(names).collect();
        document.table(&std::iter::once(head).chain(self.transitions.iter().cloned()).collect::<Vec<_>>());
    }
}
