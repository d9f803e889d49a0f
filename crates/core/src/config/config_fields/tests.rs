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
    let document = doc! { "b": "much", "inner": { "c": -1 }, "flag": "yes", "list": [1, 1], "ignored": 1 };
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
    for bad in
        [vec![], vec![Bson::Int32(4)], vec![Bson::Int32(-1)], vec![Bson::Null], vec![2.into(), 2.0.into()]]
    {
        assert_eq!(read(bad), None);
    }
}

#[test]
fn reads_texts_dates_and_numbers() {
    let at = DateTime::from_millis(5);
    let document = doc! { "one": "a", "some": ["a", "bc"], "at": at, "half": 0.5, "two": 2 };
    let mut fields = ConfigFields::new(&document);
    assert_eq!(fields.texts("one", &SHORT), Some(vec!["a".to_owned()]));
    assert_eq!(fields.texts("some", &SHORT), Some(vec!["a".to_owned(), "bc".to_owned()]));
    assert_eq!((fields.optional_date("at"), fields.optional_date("none")), (Some(at), None));
    let limits = || 0.5..=2.0;
    let numbers = ["half", "two", "none"].map(|name| fields.optional_number(name, limits()));
    assert_eq!(numbers, [Some(0.5), Some(2.0), None]);
    fields.refuse_others(&["one", "some", "at", "half", "two"]);
    fields.finish("It", ()).expect("nothing is wrong");
}

#[test]
fn refuses_other_texts_dates_numbers_and_fields() {
    let document =
        doc! { "one": 1, "some": [], "long": ["a", "much"], "at": "now", "half": 0.4, "odd": 1, "nil": null };
    let mut fields = ConfigFields::new(&document);
    for name in ["one", "some", "long"] {
        assert_eq!(fields.texts(name, &SHORT), None);
    }
    fields.optional_date("at");
    fields.optional_number("half", 0.5..=2.0);
    fields.refuse_others(&["one", "some", "long", "at", "half"]);
    fields.refuse_null("nil");
    fields.refuse_null("none");
    let error = fields.finish("It", ()).unwrap_err();
    assert_eq!(
        error.message().lines().skip(1).collect::<Vec<_>>(),
        [
            "- one is 1: give 1 to 3 bytes",
            "- some is []: give 1 to 3 bytes",
            "- long is [\"a\", \"much\"]: give 1 to 3 bytes",
            "- at is \"now\": give a Date or leave it out",
            "- half is 0.4: give a number from 0.5 to 2",
            "- odd is unknown: give one, some, long, at, half",
            "- nil is null: give a value or leave it out",
        ]
    );
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
