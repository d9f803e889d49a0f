//! MongoDB's order of values, as far as ids need it. Pure.

use std::cmp::Ordering;

use bson::{Bson, Document};

/// The `_id` of a message: equal and ordered as the server's index on `_id` has it, so `1` and `1.0` are one id.
#[derive(Debug, Clone)]
pub(super) struct MessageId(pub(super) Bson);

impl Ord for MessageId {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for MessageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MessageId {}

fn compare(a: &Bson, b: &Bson) -> Ordering {
    type_rank(a).cmp(&type_rank(b)).then_with(|| match (a, b) {
        (Bson::Document(a), Bson::Document(b)) => compare_documents(a, b),
        (Bson::Array(a), Bson::Array(b)) => {
            let first_difference = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            first_difference.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Bson::Binary(a), Bson::Binary(b)) => (a.bytes.len(), u8::from(a.subtype), &a.bytes).cmp(&(
            b.bytes.len(),
            u8::from(b.subtype),
            &b.bytes,
        )),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => a.bytes().cmp(&b.bytes()),
        (Bson::Boolean(a), Bson::Boolean(b)) => a.cmp(b),
        (Bson::DateTime(a), Bson::DateTime(b)) => a.cmp(b),
        (Bson::Timestamp(a), Bson::Timestamp(b)) => (a.time, a.increment).cmp(&(b.time, b.increment)),
        _ => match (text(a), text(b)) {
            (Some(a), Some(b)) => a.as_bytes().cmp(b.as_bytes()),
            // Code and regular expressions are no ids; inside of a document any fixed order serves.
            _ => compare_numbers(a, b).unwrap_or_else(|| a.to_string().cmp(&b.to_string())),
        },
    })
}

fn compare_documents(a: &Document, b: &Document) -> Ordering {
    let first_difference = a.iter().zip(b).map(|((a_name, a), (b_name, b))| {
        type_rank(a).cmp(&type_rank(b)).then_with(|| a_name.cmp(b_name)).then_with(|| compare(a, b))
    });
    first_difference.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn type_rank(value: &Bson) -> u8 {
    match value {
        Bson::MinKey => 0,
        Bson::Undefined => 1,
        Bson::Null => 2,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => 3,
        Bson::String(_) | Bson::Symbol(_) => 4,
        Bson::Document(_) => 5,
        Bson::Array(_) => 6,
        Bson::Binary(_) => 7,
        Bson::ObjectId(_) => 8,
        Bson::Boolean(_) => 9,
        Bson::DateTime(_) => 10,
        Bson::Timestamp(_) => 11,
        Bson::RegularExpression(_) => 12,
        Bson::DbPointer(_) => 13,
        Bson::JavaScriptCode(_) => 14,
        Bson::JavaScriptCodeWithScope(_) => 15,
        Bson::MaxKey => 16,
    }
}

fn text(value: &Bson) -> Option<&str> {
    match value {
        Bson::String(text) | Bson::Symbol(text) => Some(text),
        _ => None,
    }
}

/// `None` unless both are numbers.
fn compare_numbers(a: &Bson, b: &Bson) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return Some(a.cmp(&b));
    }
    let (a_number, b_number) = (floating(a)?, floating(b)?);
    let by_value = match (a_number.is_nan(), b_number.is_nan()) {
        (false, false) => a_number.partial_cmp(&b_number)?,
        // NaN sorts before every number.
        (a_is_nan, b_is_nan) => b_is_nan.cmp(&a_is_nan),
    };
    // Two decimals that only differ beyond a Double's precision are still two ids.
    Some(by_value.then_with(|| match (a, b) {
        (Bson::Decimal128(a), Bson::Decimal128(b)) => a.bytes().cmp(&b.bytes()),
        _ => Ordering::Equal,
    }))
}

/// A number without a fraction, exactly.
fn whole(value: &Bson) -> Option<i128> {
    match value {
        Bson::Int32(number) => Some(i128::from(*number)),
        Bson::Int64(number) => Some(i128::from(*number)),
        #[expect(clippy::cast_possible_truncation, reason = "whole and far below the limits of i128")]
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 1e30 => Some(*number as i128),
        _ => None,
    }
}

fn floating(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        #[expect(clippy::cast_precision_loss, reason = "only compared with numbers that have a fraction")]
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        Bson::Decimal128(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;
    use bson::spec::BinarySubtype;
    use bson::{Binary, DateTime, Timestamp, bson, doc};

    use super::*;

    #[test]
    fn orders_values_as_the_server_does() {
        let binary =
            |bytes: &[u8]| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() });
        let ascending = [
            Bson::MinKey,
            Bson::Null,
            Bson::Double(f64::NAN),
            Bson::Int32(-1),
            Bson::Double(0.5),
            Bson::Int64(1),
            Bson::Decimal128("1.5".parse().expect("a decimal")),
            Bson::Int64(i64::MAX - 1),
            Bson::Int64(i64::MAX),
            Bson::from(""),
            Bson::from("B"),
            Bson::from("a"),
            bson!({ "a": 1 }),
            bson!({ "a": 1, "b": 1 }),
            bson!({ "b": 1 }),
            bson!({ "a": "" }),
            binary(&[9]),
            binary(&[0, 0]),
            Bson::ObjectId(ObjectId::from_bytes([1; 12])),
            Bson::ObjectId(ObjectId::from_bytes([2; 12])),
            Bson::Boolean(false),
            Bson::Boolean(true),
            Bson::DateTime(DateTime::from_millis(-1)),
            Bson::Timestamp(Timestamp { time: 1, increment: 9 }),
            Bson::Timestamp(Timestamp { time: 2, increment: 0 }),
            Bson::MaxKey,
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_number_is_the_same_id_in_every_width() {
        for one in [Bson::Int64(1), Bson::Double(1.0), Bson::Decimal128("1".parse().expect("a decimal"))] {
            assert_eq!(MessageId(Bson::Int32(1)), MessageId(one));
        }
        assert_eq!(MessageId(bson!(doc! { "a": 1 })), MessageId(bson!(doc! { "a": 1.0 })));
    }
}
