//! The name under which a member comes back after a restart.

use std::env;

/// Where a container platform says what the pod or container is called, in the order in which they are asked.
const VARIABLES: [&str; 2] = ["POD_NAME", "HOSTNAME"];
const LONGEST: usize = 200;

/// An instance id and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstanceId {
    pub(crate) name: String,
    /// The user has given it: there is one such member, and the newest is it. What the platform says may be true of
    /// several processes.
    pub(crate) is_given: bool,
}

/// What the configuration says, else the platform.
pub(crate) fn find(given: Option<&str>) -> Option<InstanceId> {
    choose(given, |variable| env::var(variable).ok())
}

fn choose(given: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<InstanceId> {
    if let Some(name) = given {
        return Some(InstanceId { name: name.to_owned(), is_given: true });
    }
    let is_usable = |name: &String| (1..=LONGEST).contains(&name.len()) && !name.contains(char::is_control);
    let name = VARIABLES.into_iter().filter_map(variable).find(is_usable)?;
    Some(InstanceId { name, is_given: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_goes_before_the_platform() {
        let both = |variable: &str| Some(format!("{variable}-1"));
        let given = choose(Some("mine"), both).unwrap();
        assert_eq!((given.name.as_str(), given.is_given), ("mine", true));
        let pod = choose(None, both).unwrap();
        assert_eq!((pod.name.as_str(), pod.is_given), ("POD_NAME-1", false));
        let host = |variable: &str| (variable == "HOSTNAME").then(|| "host".to_owned());
        assert_eq!(choose(None, host).unwrap().name, "host");
        let empty =
            |variable: &str| Some(if variable == "POD_NAME" { String::new() } else { "h".to_owned() });
        assert_eq!(choose(None, empty).unwrap().name, "h");
        assert_eq!(choose(None, |_| None), None);
    }
}
