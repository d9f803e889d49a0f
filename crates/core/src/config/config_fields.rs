//! Reads the fields of a configuration and collects everything that is wrong with them.
//!
//! A refused field yields a placeholder, so that reading goes on; [`ConfigFields::finish`] then fails with one error
//! that names every bad field. A value that looks like a URI is never repeated: it may hold a password.

use std::fmt::Display;
use std::ops::RangeInclusive;

use bson::{Bson, Document};

use crate::error::{Error, Result};
use crate::record::type_name::type_name;

/// Whole numbers beyond this are not exact in JavaScript.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
/// Characters of a given text that an error message repeats.
const SHOWN_CHARS: usize = 60;
/// Members of a given list that an error message repeats.
const SHOWN_MEMBERS: usize = 20;

/// What a text field must look like.
pub(super) struct TextRule {
    /// Completes "… is "x": …", such as "give 1 to 200 bytes".
    pub(super) demand: &'static str,
    /// Whether a text follows the rule.
    pub(super) accepts: fn(&str) -> bool,
}

/// A configuration that is being read.
pub(super) struct ConfigFields<'a> {
    document: &'a Document,
    prefix: String,
    violations: Vec<String>,
}

impl<'a> ConfigFields<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, prefix: String::new(), violations: Vec::new() }
    }

    /// The value of a field, unless it is absent or null.
    pub(super) fn given(&self, name: &str) -> Option<&'a Bson> {
        self.document.get(name).filter(|value| !matches!(value, Bson::Null | Bson::Undefined))
    }

    /// Adds a violation: the field's path and what is wrong with it.
    pub(super) fn reject(&mut self, name: &str, problem: impl Display) {
        self.violations.push(format!("{}{name} {problem}", self.prefix));
    }

    pub(super) fn required_text(&mut self, name: &str, rule: &TextRule) -> String {
        self.required(name, rule.demand, |value| text_of(value, rule)).unwrap_or_default()
    }

    pub(super) fn optional_text(&mut self, name: &str, rule: &TextRule) -> Option<String> {
        self.optional(name, rule.demand, |value| text_of(value, rule))
    }

    pub(super) fn required_integer<N: Integer>(&mut self, name: &str, limits: RangeInclusive<N>) -> N {
        let demand = integer_demand(&limits);
        self.required(name, demand, |value| integer_within(value, &limits)).unwrap_or(*limits.start())
    }

    pub(super) fn integer<N: Integer>(&mut self, name: &str, limits: RangeInclusive<N>, default: N) -> N {
        self.optional_integer(name, limits).unwrap_or(default)
    }

    pub(super) fn optional_integer<N: Integer>(
        &mut self,
        name: &str,
        limits: RangeInclusive<N>,
    ) -> Option<N> {
        self.optional(name, integer_demand(&limits), |value| integer_within(value, &limits))
    }

    /// A list of different integers, at least one.
    pub(super) fn integer_list<N: Integer>(
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

    pub(super) fn boolean(&mut self, name: &str, default: bool) -> bool {
        self.optional_boolean(name).unwrap_or(default)
    }

    pub(super) fn optional_boolean(&mut self, name: &str) -> Option<bool> {
        self.optional(name, "give true or false", Bson::as_bool)
    }

    /// One of a few names, compared as `same` says.
    pub(super) fn one_of<T: Copy>(
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

    /// The fields of a sub-document; of an empty one if it is absent.
    pub(super) fn section<T>(&mut self, name: &str, read: impl FnOnce(&mut ConfigFields<'_>) -> T) -> T {
        let empty = Document::new();
        let document = self.optional(name, "give an object or leave it out", Bson::as_document);
        let prefix = format!("{}{name}.", self.prefix);
        let mut section =
            ConfigFields { document: document.unwrap_or(&empty), prefix, violations: Vec::new() };
        let fields = read(&mut section);
        self.violations.append(&mut section.violations);
        fields
    }

    /// The configuration, if nothing is wrong with it.
    ///
    /// `subject` begins the message, such as "The topic configuration".
    pub(super) fn finish<T>(self, subject: &str, config: T) -> Result<T> {
        match self.violations.as_slice() {
            [] => Ok(config),
            [only] => Err(Error::invalid_config(format!("{subject} is invalid: {only}"))),
            many => Err(Error::invalid_config(format!("{subject} is invalid:\n- {}", many.join("\n- ")))),
        }
    }

    fn required<T>(
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

    fn optional<T>(
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
pub(super) trait Integer: TryFrom<i64> + PartialOrd + Display + Copy {}
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
mod tests {
    use bson::doc;

    use super::*;

    const SHORT: TextRule =
        TextRule { demand: "give 1 to 3 bytes", accepts: |text| (1..=3).contains(&text.len()) };

    fn integer_message(value: impl Into<Bson>) -> Result<u32, String> {
        let document = doc! { "n": value.into() };
        let mut fields = ConfigFields::new(&document);
        let read = fields.integer("n", 2..=9, 5);
        fields.finish("It", read).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn reads_whole_numbers_of_every_number_type() {
        for three in [Bson::Int32(3), Bson::Int64(3), Bson::Double(3.0)] {
            assert_eq!(integer_message(three), Ok(3));
        }
        for absent in [Bson::Null, Bson::Undefined] {
            assert_eq!(integer_message(absent), Ok(5));
        }
        assert_eq!(integer_message(2), Ok(2));
        assert_eq!(integer_message(9), Ok(9));
    }

    #[test]
    fn refuses_other_numbers_and_says_what_was_given() {
        let cases: [(Bson, &str); 14] = [
            (Bson::Double(3.5), "3.5"),
            (Bson::Double(f64::NAN), "NaN"),
            (Bson::Double(f64::INFINITY), "Infinity"),
            (Bson::Double(f64::NEG_INFINITY), "-Infinity"),
            (Bson::Double(1e300), &format!("{}", 1e300)),
            (Bson::Int32(1), "1"),
            (Bson::Int32(10), "10"),
            (Bson::Int32(-3), "-3"),
            (Bson::Int64(i64::MAX), "9223372036854775807"),
            (Bson::String("3".into()), "\"3\""),
            (Bson::Boolean(true), "true"),
            (Bson::Array(vec![Bson::Int32(3)]), "[3]"),
            (Bson::Document(doc! { "secret": 1 }), "an object"),
            (Bson::DateTime(bson::DateTime::from_millis(3)), "a Date"),
        ];
        for (value, given) in cases {
            let expected = format!("It is invalid: n is {given}: give an integer from 2 to 9");
            assert_eq!(integer_message(value), Err(expected));
        }
    }

    #[test]
    fn names_every_violation_with_its_path() {
        let document =
            doc! { "b": "much", "inner": { "c": -1 }, "flag": "yes", "list": [1, 1], "ignored": 1 };
        let mut fields = ConfigFields::new(&document);
        fields.required_text("a", &SHORT);
        fields.optional_text("b", &SHORT);
        fields.section("inner", |inner| inner.integer("c", 0_u64..=5, 0));
        fields.boolean("flag", false);
        fields.integer_list("list", 0_u32..=3);
        let error = fields.finish("It", ()).unwrap_err();
        assert_eq!(error.code(), crate::error_code::ErrorCode::InvalidConfig);
        assert_eq!(
            error.message().lines().collect::<Vec<_>>(),
            [
                "It is invalid:",
                "- a is missing: give 1 to 3 bytes",
                "- b is \"much\": give 1 to 3 bytes",
                "- inner.c is -1: give an integer from 0 to 5",
                "- flag is \"yes\": give true or false",
                "- list is [1, 1]: give a list of different integers from 0 to 3, at least one, or leave it out",
            ]
        );
    }

    #[test]
    fn lists_hold_different_integers() {
        let read = |list: Vec<Bson>| {
            let document = doc! { "list": list };
            let mut fields = ConfigFields::new(&document);
            let read = fields.integer_list("list", 0_u32..=3);
            fields.finish("It", read).ok().flatten()
        };
        assert_eq!(read(vec![Bson::Int32(2), Bson::Double(0.0)]), Some(vec![2, 0]));
        for bad in [
            vec![],
            vec![Bson::Int32(4)],
            vec![Bson::Int32(-1)],
            vec![Bson::Null],
            vec![2.into(), 2.0.into()],
        ] {
            assert_eq!(read(bad), None);
        }
    }

    #[test]
    fn a_section_that_is_no_object_is_refused_once() {
        let document = doc! { "inner": [1] };
        let mut fields = ConfigFields::new(&document);
        let read = fields.section("inner", |inner| inner.integer("c", 1_u32..=5, 4));
        assert_eq!(read, 4);
        let error = fields.finish("It", ()).unwrap_err();
        assert_eq!(error.message(), "It is invalid: inner is [1]: give an object or leave it out");
    }

    #[test]
    fn never_repeats_a_uri_and_shortens_long_values() {
        assert_eq!(shown(&Bson::String("mongodb://user:secret@host".into())), "a URI");
        assert_eq!(shown(&Bson::Array(vec!["a://secret".into()])), "[a URI]");
        let long = shown(&Bson::String("ü".repeat(1000)));
        assert!(long.len() < 200 && long.ends_with("and so on (2000 bytes)"), "{long}");
        assert!(shown(&Bson::Array(vec![Bson::Null; 1000])).len() < 200);
    }
}
