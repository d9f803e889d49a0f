//! Reads the fields of a configuration and collects everything that is wrong with them.
//!
//! A refused field yields a placeholder, so that reading goes on; [`ConfigFields::finish`] then fails with one error
//! that names every bad field. A value that looks like a URI is never repeated: it may hold a password.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use bson::{Bson, DateTime, Document};

use super::watch_options::WithoutEffect;
use crate::error::{Error, Result};
use crate::record::type_name::type_name;

/// Whole numbers beyond this are not exact in JavaScript.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
/// Characters of a given text that an error message repeats.
const SHOWN_CHARS: usize = 60;
/// Members of a given list that an error message repeats.
const SHOWN_MEMBERS: usize = 20;

/// What a text field must look like.
pub(crate) struct TextRule {
    /// Completes "… is "x": …", such as "give 1 to 200 bytes".
    pub(crate) demand: &'static str,
    /// Whether a text follows the rule.
    pub(crate) accepts: fn(&str) -> bool,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its path, such as `options.batchSize`.
    pub field: String,
    /// Continues the path: "is 0: give an integer from 1 to 10000".
    pub problem: String,
}

impl Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.field, self.problem)
    }
}

/// A configuration that was looked at, but is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigCheck {
    /// Everything that is wrong with it.
    pub violations: Vec<Violation>,
    /// The paths of all fields that mean something.
    pub known_fields: BTreeSet<String>,
}

/// A configuration that is being read.
pub(crate) struct ConfigFields<'a> {
    document: &'a Document,
    prefix: String,
    violations: Vec<Violation>,
    known: RefCell<BTreeSet<String>>,
}

impl<'a> ConfigFields<'a> {
    pub(crate) fn new(document: &'a Document) -> Self {
        Self { document, prefix: String::new(), violations: Vec::new(), known: RefCell::default() }
    }

    /// The value of a field, unless it is absent or null.
    pub(crate) fn given(&self, name: &str) -> Option<&'a Bson> {
        self.known.borrow_mut().insert(format!("{}{name}", self.prefix));
        self.document.get(name).filter(|value| !matches!(value, Bson::Null | Bson::Undefined))
    }

    /// Adds a violation: the field's path and what is wrong with it.
    pub(crate) fn reject(&mut self, name: &str, problem: impl Display) {
        self.violations
            .push(Violation { field: format!("{}{name}", self.prefix), problem: problem.to_string() });
    }

    pub(crate) fn required_text(&mut self, name: &str, rule: &TextRule) -> String {
        self.required(name, rule.demand, |value| text_of(value, rule)).unwrap_or_default()
    }

    pub(crate) fn optional_text(&mut self, name: &str, rule: &TextRule) -> Option<String> {
        self.optional(name, rule.demand, |value| text_of(value, rule))
    }

    pub(crate) fn required_integer<N: Integer>(&mut self, name: &str, limits: RangeInclusive<N>) -> N {
        let demand = integer_demand(&limits);
        self.required(name, demand, |value| integer_within(value, &limits)).unwrap_or(*limits.start())
    }

    pub(crate) fn integer<N: Integer>(&mut self, name: &str, limits: RangeInclusive<N>, default: N) -> N {
        self.optional_integer(name, limits).unwrap_or(default)
    }

    pub(crate) fn optional_integer<N: Integer>(
        &mut self,
        name: &str,
        limits: RangeInclusive<N>,
    ) -> Option<N> {
        self.optional(name, integer_demand(&limits), |value| integer_within(value, &limits))
    }

    /// A list of different integers, at least one.
    pub(crate) fn integer_list<N: Integer>(
        &mut self,
        name: &str,
        limits: RangeInclusive<N>,
    ) -> Option<Vec<N>> {
        let demand = format!(
            "give a list of different integers from {} to {}, at least one, or leave it out",
            limits.start(),
            limits.end()
        );
        self.optional(name, demand, |value| {
            let members = value.as_array()?.iter().map(|member| integer_within(member, &limits));
            let list: Vec<N> = members.collect::<Option<_>>()?;
            let different = list.iter().enumerate().all(|(at, member)| !list[..at].contains(member));
            (different && !list.is_empty()).then_some(list)
        })
    }

    pub(crate) fn boolean(&mut self, name: &str, default: bool) -> bool {
        self.optional_boolean(name).unwrap_or(default)
    }

    pub(crate) fn optional_boolean(&mut self, name: &str) -> Option<bool> {
        self.optional(name, "give true or false", Bson::as_bool)
    }

    /// One text or a list of them, at least one.
    pub(crate) fn texts(&mut self, name: &str, rule: &TextRule) -> Option<Vec<String>> {
        self.optional(name, rule.demand, |value| match value {
            Bson::Array(members) if members.is_empty() => None,
            Bson::Array(members) => members.iter().map(|member| text_of(member, rule)).collect(),
            one => Some(vec![text_of(one, rule)?]),
        })
    }

    pub(crate) fn optional_date(&mut self, name: &str) -> Option<DateTime> {
        self.optional(name, "give a Date or leave it out", |value| value.as_datetime().copied())
    }

    /// Any number, whole or not.
    pub(crate) fn optional_number(&mut self, name: &str, limits: RangeInclusive<f64>) -> Option<f64> {
        let demand = format!("give a number from {} to {}", limits.start(), limits.end());
        self.optional(name, demand, |value| number(value).filter(|number| limits.contains(number)))
    }

    /// One of a few names, compared as `same` says.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
        same: fn(&str, &str) -> bool,
    ) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(choice, _)| format!("\"{choice}\"")).collect();
        self.optional(name, format!("give one of {}", names.join(", ")), |value| {
            let given = value.as_str()?;
            choices.iter().find(|(choice, _)| same(choice, given)).map(|(_, chosen)| *chosen)
        })
    }

    /// A field that may be there and changes nothing.
    pub(crate) fn without_effect(&self, name: &str) -> WithoutEffect {
        let _ = self.given(name);
        WithoutEffect
    }

    /// The fields of a sub-document; of an empty one if it is absent.
    pub(crate) fn section<T>(&mut self, name: &str, read: impl FnOnce(&mut ConfigFields<'_>) -> T) -> T {
        let empty = Document::new();
        let document = self.optional(name, "give an object or leave it out", Bson::as_document);
        let prefix = format!("{}{name}.", self.prefix);
        let mut section = ConfigFields { prefix, ..ConfigFields::new(document.unwrap_or(&empty)) };
        let fields = read(&mut section);
        self.violations.append(&mut section.violations);
        self.known.borrow_mut().append(&mut section.known.borrow_mut());
        fields
    }

    /// Refuses every other field. For what selects something: a misspelt field must not select everything.
    pub(crate) fn refuse_others(&mut self, known: &[&str]) {
        let unknown = |name: &&String| !known.contains(&name.as_str()) && self.given(name).is_some();
        let unknown: Vec<_> = self.document.keys().filter(unknown).cloned().collect();
        for name in unknown {
            self.reject(&name, format_args!("is unknown: give {}", known.join(", ")));
        }
    }

    /// Refuses a field that is there without a value.
    pub(crate) fn refuse_null(&mut self, name: &str) {
        if self.document.contains_key(name) && self.given(name).is_none() {
            self.reject(name, "is null: give a value or leave it out");
        }
    }

    /// The configuration, if nothing is wrong with it.
    ///
    /// `subject` begins the message, such as "The topic configuration".
    pub(crate) fn finish<T>(self, subject: &str, config: T) -> Result<T> {
        match self.violations.as_slice() {
            [] => Ok(config),
            [only] => Err(Error::invalid_config(format!("{subject} is invalid: {only}"))),
            many => {
                let many: Vec<_> = many.iter().map(ToString::to_string).collect();
                Err(Error::invalid_config(format!("{subject} is invalid:\n- {}", many.join("\n- "))))
            }
        }
    }

    /// What is wrong, without anything to use.
    pub(crate) fn into_check(self) -> ConfigCheck {
        ConfigCheck { violations: self.violations, known_fields: self.known.into_inner() }
    }

    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        demand: impl Display,
        accept: impl FnOnce(&'a Bson) -> Option<T>,
    ) -> Option<T> {
        if self.given(name).is_none() {
            self.reject(name, format_args!("is missing: {demand}"));
            return None;
        }
        self.optional(name, demand, accept)
    }

    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        demand: impl Display,
        accept: impl FnOnce(&'a Bson) -> Option<T>,
    ) -> Option<T> {
        let value = self.given(name)?;
        let accepted = accept(value);
        if accepted.is_none() {
            self.reject(name, format_args!("is {}: {demand}", shown(value)));
        }
        accepted
    }
}

/// The integer types that configurations are made of.
pub(crate) trait Integer: TryFrom<i64> + PartialOrd + Display + Copy {}
impl Integer for u32 {}
impl Integer for u64 {}

fn integer_demand<N: Integer>(limits: &RangeInclusive<N>) -> String {
    format!("give an integer from {} to {}", limits.start(), limits.end())
}

fn integer_within<N: Integer>(value: &Bson, limits: &RangeInclusive<N>) -> Option<N> {
    let integer = match *value {
        Bson::Int32(number) => i64::from(number),
        Bson::Int64(number) => number,
        Bson::Double(number) => whole(number)?,
        _ => return None,
    };
    N::try_from(integer).ok().filter(|integer| limits.contains(integer))
}

fn number(value: &Bson) -> Option<f64> {
    match *value {
        Bson::Int32(number) => Some(f64::from(number)),
        #[expect(clippy::cast_precision_loss, reason = "compared with limits far below that")]
        Bson::Int64(number) => Some(number as f64),
        Bson::Double(number) => Some(number),
        _ => None,
    }
}

/// A JavaScript number without a fraction, as an integer.
fn whole(number: f64) -> Option<i64> {
    let exact = number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of i64")]
    exact.then_some(number as i64)
}

fn text_of(value: &Bson, rule: &TextRule) -> Option<String> {
    value.as_str().filter(|text| (rule.accepts)(text)).map(str::to_owned)
}

/// A given value as an error message repeats it.
fn shown(value: &Bson) -> String {
    match value {
        Bson::String(text) if text.contains("://") => "a URI".to_owned(),
        Bson::String(text) if text.chars().nth(SHOWN_CHARS).is_some() => {
            format!(
                "{:?} and so on ({} bytes)",
                text.chars().take(SHOWN_CHARS).collect::<String>(),
                text.len()
            )
        }
        Bson::String(text) => format!("{text:?}"),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => number.to_string(),
        Bson::Double(number) if number.is_infinite() => {
            format!("{}Infinity", if *number < 0.0 { "-" } else { "" })
        }
        Bson::Double(number) => number.to_string(),
        Bson::Boolean(truth) => truth.to_string(),
        Bson::Array(members) => {
            let more = if members.len() > SHOWN_MEMBERS { ", …" } else { "" };
            let members: Vec<_> = members.iter().take(SHOWN_MEMBERS).map(shown).collect();
            format!("[{}{more}]", members.join(", "))
        }
        other => type_name(other.element_type()).to_owned(),
    }
}

#[cfg(test)]
mod tests;
