//! Columns.

use console::measure_text_width;

/// Pads the cells of each column to the widest of them, with `gap` spaces between two columns and nothing at the end.
pub(crate) fn table(rows: &[Vec<String>], gap: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| measure_text_width(cell))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter().map(|row| line(row, &widths, gap)).collect()
}

fn line(row: &[String], widths: &[usize], gap: usize) -> String {
    let mut line = String::new();
    let mut owed = 0;
    for (cell, width) in row.iter().zip(widths) {
        if !cell.is_empty() {
            line.push_str(&" ".repeat(owed));
            line.push_str(cell);
            owed = 0;
        }
        owed += width - measure_text_width(cell) + gap;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let rows =
            [row(&["config.ts", "+2", "a"]), row(&["\u{1b}[1mé\u{1b}[0m", "", "b"]), row(&["c", "", ""])];
        assert_eq!(table(&rows, 2), ["config.ts  +2  a", "\u{1b}[1mé\u{1b}[0m              b", "c"]);
    }
}
