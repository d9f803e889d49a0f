//! What backups are called.

use jiff::ZonedDateTime;

const BEGINNING: &str = "backup_";
/// `YYYYMMDD` and `HHmmss`.
const CLOCK: [usize; 2] = [8, 6];

/// `backup_YYYYMMDD_HHmmss`, with `_2` and so on behind it if that is taken.
pub(super) fn free_name(moment: &ZonedDateTime, is_taken: impl Fn(&str) -> bool) -> String {
    let first = format!("{BEGINNING}{}", moment.strftime("%Y%m%d_%H%M%S"));
    let mut name = first.clone();
    let mut number = 1;
    while is_taken(&name) {
        number += 1;
        name = format!("{first}_{number}");
    }
    name
}

/// Which of several in one second it is, from 1. `None` if no backup is called so.
pub(super) fn number_of(name: &str) -> Option<u32> {
    let mut parts = name.strip_prefix(BEGINNING)?.split('_');
    for length in CLOCK {
        parts.next().filter(|digits| digits.len() == length && is_digits(digits))?;
    }
    match (parts.next(), parts.next()) {
        (None, _) => Some(1),
        (Some(number), None) if is_digits(number) && !number.starts_with('0') => {
            number.parse().ok().filter(|number| *number > 1)
        }
        _ => None,
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_local_clock() {
        let moment: ZonedDateTime = "2026-11-23T06:55:52.9-03[-03]".parse().unwrap();
        let mut taken: Vec<String> = Vec::new();
        for expected in ["backup_20261123_065552", "backup_20261123_065552_2", "backup_20261123_065552_3"] {
            let name = free_name(&moment, |name| taken.iter().any(|taken| taken == name));
            assert_eq!(name, expected);
            taken.push(name);
        }
        let numbers: Vec<_> = taken.iter().map(|name| number_of(name)).collect();
        assert_eq!(numbers, [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn other_names_are_no_backups() {
        for name in [
            "",
            "backup_",
            "backup_20261123",
            "backup_20261123_06555",
            "backup_2026112x_065552",
            "backup_20261123_065552_",
            "backup_20261123_065552_1",
            "backup_20261123_065552_02",
            "backup_20261123_065552_2_2",
            "backup_20261123_065552_99999999999",
            "backup_20261123_065552.csbroker-new",
            "../backup_20261123_065552",
        ] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
