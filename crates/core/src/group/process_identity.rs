//! Which process this is, so that another one on the same machine can tell that it is gone.
//!
//! On Linux the kernel tells: the machine by its boot, the namespace in which a process id means something, the id, and
//! when the process began, because ids are used again. Elsewhere nothing is known but that two processes differ.

use std::fs;

use crate::runtime::{random, simulation};

/// In place of a start.
const NEVER: &str = "never";

/// Names this process.
pub(crate) fn current() -> String {
    let known = if simulation::is_entered() { None } else { of_process("self") };
    known.unwrap_or_else(|| random::object_id().to_hex())
}

/// Whether a process that ran on this machine, where its id could be seen, has ended. `false` if that is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_gone(_: &str) -> bool {
    false
}

/// Whether a process that ran on this machine, where its id could be seen, has ended. `false` if that is not known.
#[cfg(target_os = "linux")]
pub(crate) fn is_gone(process: &str) -> bool {
    let Some(own) = of_process("self").filter(|_| !simulation::is_entered()) else { return false };
    let split = |identity: &str| {
        let (place, rest) = identity.rsplit_once('#')?;
        let (id, began) = rest.split_once('@')?;
        Some((place.to_owned(), id.to_owned(), began.to_owned()))
    };
    let (Some((place, id, began)), Some((own_place, _, _))) = (split(process), split(&own)) else {
        return false;
    };
    place == own_place && has_ended(&id, &began)
}

/// What the files of another user's process say may be hidden; that it is there is not.
#[cfg(target_os = "linux")]
fn has_ended(id: &str, began: &str) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    if let Some(start) = start_of(id) {
        return start != began;
    }
    let id = id.parse().ok().and_then(Pid::from_raw);
    id.is_some_and(|id| test_kill_process(id) == Err(Errno::SRCH))
}

fn of_process(id: &str) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link(format!("/proc/{id}/ns/pid")).ok()?;
    let pid = std::process::id();
    Some(format!("{}/{}#{pid}@{}", boot.trim(), namespace.to_str()?, start_of(id)?))
}

/// When a process began, in ticks since the machine did. The name before it may hold anything, also parentheses. One that
/// has ended and is only not yet buried began never.
fn start_of(id: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let is_dead = matches!(fields.first(), Some(&("Z" | "X")));
    if is_dead {
        return Some(NEVER.to_owned());
    }
    fields.get(19).map(|start| (*start).to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_is_not_gone() {
        assert_eq!(current(), current());
        assert!(!is_gone(&current()));
    }

    #[test]
    fn a_process_is_gone_when_it_has_ended() {
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let own = current();
        let (place, _) = own.rsplit_once('#').unwrap();
        let (id, start) = (child.id().to_string(), start_of(&child.id().to_string()).unwrap());
        let identity = format!("{place}#{id}@{start}");
        assert!(!is_gone(&identity));
        assert!(is_gone(&format!("{place}#{id}@1{start}")), "another process had the id");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&identity));
    }

    #[test]
    fn of_other_places_nothing_is_known() {
        let (_, process) = "#999999999@1".split_at(0);
        for place in ["another-boot/pid:[1]", ""] {
            assert!(!is_gone(&format!("{place}{process}")));
        }
        assert!(!is_gone("65a1b2c3d4e5f6a7b8c9d0e1"));
    }
}
