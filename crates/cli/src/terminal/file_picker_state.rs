//! What keys do in a list of files, and how the list looks.

use console::Key;

use super::look::{Look, Mark};
use super::table::table;

/// A file that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PickerFile {
    pub(crate) name: String,
    /// Such as `+2 -2`.
    pub(crate) change: String,
    /// Such as `modified`.
    pub(crate) status: String,
}

/// A list of files, some of them chosen, one of them pointed at.
#[derive(Debug)]
pub(crate) struct FilePickerState {
    files: Vec<PickerFile>,
    chosen: Vec<bool>,
    cursor: usize,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PickerStep {
    /// The list, as it is now.
    Show,
    /// The diff of this file.
    ShowDiff(usize),
    /// These files, and the end of the list.
    Apply(Vec<usize>),
    /// The end of the list.
    Quit,
    /// The end of the program.
    Interrupt,
}

impl FilePickerState {
    /// Nothing is chosen, the first is pointed at.
    pub(crate) fn new(files: Vec<PickerFile>) -> Self {
        Self { chosen: vec![false; files.len()], files, cursor: 0 }
    }

    /// Does what the key is for.
    pub(crate) fn press(&mut self, key: &Key) -> PickerStep {
        let last = self.files.len().saturating_sub(1);
        match key {
            Key::ArrowUp | Key::Char('k') => self.cursor = self.cursor.checked_sub(1).unwrap_or(last),
            Key::ArrowDown | Key::Tab | Key::Char('j') => {
                self.cursor = if self.cursor == last { 0 } else { self.cursor + 1 };
            }
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = last,
            Key::Char(' ') => self.toggle(),
            Key::Char('a' | 'A') => self.toggle_all(),
            Key::Char('d' | 'D') => return PickerStep::ShowDiff(self.cursor),
            Key::Enter => return PickerStep::Apply(self.chosen_files()),
            Key::Char('q' | 'Q') | Key::Escape => return PickerStep::Quit,
            Key::CtrlC | Key::Char('\u{3}') => return PickerStep::Interrupt,
            _ => {}
        }
        PickerStep::Show
    }

    /// The lines of the list.
    pub(crate) fn lines(&self, look: Look) -> Vec<String> {
        let rows: Vec<Vec<String>> = self
            .files
            .iter()
            .map(|file| vec![file.name.clone(), file.change.clone(), file.status.clone()])
            .collect();
        let mut lines: Vec<String> =
            table(&rows, 3).iter().enumerate().map(|(index, row)| self.entry(index, row, look)).collect();
        let keys = ["space toggles", "d shows the diff", "a all", "enter applies", "q quits"];
        let between = format!(" {} ", look.mark(Mark::Between));
        lines.push(look.faint(keys.join(&between)).to_string());
        lines
    }

    fn entry(&self, index: usize, row: &str, look: Look) -> String {
        let is_chosen = self.chosen.get(index).copied().unwrap_or_default();
        let mark = look.mark(if is_chosen { Mark::Chosen } else { Mark::NotChosen });
        if index == self.cursor {
            format!("{}{mark} {}", look.mark(Mark::Cursor), look.strong(row))
        } else {
            format!(" {mark} {row}")
        }
    }

    fn toggle(&mut self) {
        if let Some(chosen) = self.chosen.get_mut(self.cursor) {
            *chosen = !*chosen;
        }
    }

    /// All, or none if all are chosen.
    fn toggle_all(&mut self) {
        let all = self.chosen.iter().all(|chosen| *chosen);
        self.chosen.fill(!all);
    }

    fn chosen_files(&self) -> Vec<usize> {
        self.chosen.iter().enumerate().filter_map(|(index, chosen)| chosen.then_some(index)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> FilePickerState {
        let file = |name: &str, change: &str| PickerFile {
            name: name.to_owned(),
            change: change.to_owned(),
            status: "modified".to_owned(),
        };
        FilePickerState::new(vec![file("config.ts", "+2 -2"), file("message-payload.schema.ts", "-4")])
    }

    #[test]
    fn keys_choose_files() {
        let mut state = state();
        for key in
            [Key::Char(' '), Key::ArrowDown, Key::Char(' '), Key::ArrowDown, Key::Char(' '), Key::Char('x')]
        {
            assert_eq!(state.press(&key), PickerStep::Show);
        }
        assert_eq!(state.press(&Key::Enter), PickerStep::Apply(vec![1]));
        state.press(&Key::Char('a'));
        assert_eq!(state.press(&Key::Enter), PickerStep::Apply(vec![0, 1]));
        state.press(&Key::Char('a'));
        assert_eq!(state.press(&Key::Enter), PickerStep::Apply(vec![]));
        state.press(&Key::ArrowUp);
        assert_eq!(state.press(&Key::Char('d')), PickerStep::ShowDiff(1));
        assert_eq!(state.press(&Key::Escape), PickerStep::Quit);
        assert_eq!(state.press(&Key::CtrlC), PickerStep::Interrupt);
    }

    #[test]
    fn the_list_has_columns() {
        let mut state = state();
        state.press(&Key::Char(' '));
        state.press(&Key::ArrowDown);
        let lines = state.lines(Look { color: false, unicode: true });
        assert_eq!(
            lines,
            [
                " ◉ config.ts                   +2 -2   modified",
                "❯◯ message-payload.schema.ts   -4      modified",
                "space toggles · d shows the diff · a all · enter applies · q quits",
            ]
        );
    }

    #[test]
    fn an_empty_list_takes_every_key() {
        let mut state = FilePickerState::new(vec![]);
        for key in [Key::ArrowUp, Key::ArrowDown, Key::Char(' '), Key::Char('a'), Key::End] {
            assert_eq!(state.press(&key), PickerStep::Show);
        }
        assert_eq!(state.press(&Key::Enter), PickerStep::Apply(vec![]));
    }
}
