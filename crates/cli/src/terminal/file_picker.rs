//! A list on the terminal from which files are chosen.

use std::io;

use console::{Term, measure_text_width};

use super::Terminal;
use super::file_picker_state::{FilePickerState, PickerFile, PickerStep};

/// How the list ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Picked {
    /// With these files.
    Files(Vec<usize>),
    /// Without.
    Nothing,
    /// By Ctrl-C.
    Interrupted,
}

impl Terminal {
    /// Lets the user choose; `diff` gives the diff of a file. Only for terminals with somebody to ask.
    pub(crate) fn pick_files(
        &mut self,
        files: Vec<PickerFile>,
        diff: &dyn Fn(usize) -> String,
    ) -> io::Result<Picked> {
        let keys = Term::stdout();
        let mut state = FilePickerState::new(files);
        self.draw(&state);
        loop {
            let step = state.press(&keys.read_key_raw()?);
            self.erase(&state, usize::from(keys.size().1));
            match step {
                PickerStep::Show => {}
                PickerStep::ShowDiff(index) => self.dialogue().text(&format!("{}\n", diff(index))),
                // What was chosen stays to be seen.
                PickerStep::Apply(files) => {
                    self.draw(&state);
                    return Ok(Picked::Files(files));
                }
                PickerStep::Quit => return Ok(Picked::Nothing),
                PickerStep::Interrupt => return Ok(Picked::Interrupted),
            }
            self.draw(&state);
        }
    }

    fn draw(&mut self, state: &FilePickerState) {
        let text = state.lines(self.look()).join("\n") + "\n";
        self.dialogue().text(&text);
    }

    /// Takes the lines of the list away again. A line that is wider than the terminal takes several rows.
    fn erase(&mut self, state: &FilePickerState, width: usize) {
        let rows = |line: &String| measure_text_width(line).div_ceil(width.max(1)).max(1);
        let rows: usize = state.lines(self.look()).iter().map(rows).sum();
        self.dialogue().text(&format!("\u{1b}[{rows}A\r\u{1b}[J"));
    }
}
