//! Operators with two sides.

use oxc::ast::ast::BinaryOperator;

use super::value::Value;

/// `None` if it cannot be told.
pub(super) fn compute<'a>(
    operator: BinaryOperator,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Option<Value<'a>> {
    match operator {
        BinaryOperator::StrictEquality => return strictly_equal(left, right).map(Value::Boolean),
        BinaryOperator::StrictInequality => {
            return strictly_equal(left, right).map(|equal| Value::Boolean(!equal));
        }
        _ => {}
    }
    match (operator, left, right) {
        (_, Value::Number(left), Value::Number(right)) => compute_numbers(operator, *left, *right),
        (BinaryOperator::Addition, Value::Text(_), _) | (BinaryOperator::Addition, _, Value::Text(_)) => {
            Some(Value::Text(left.to_text()? + &right.to_text()?))
        }
        _ => None,
    }
}

fn compute_numbers<'a>(operator: BinaryOperator, left: f64, right: f64) -> Option<Value<'a>> {
    let number = match operator {
        BinaryOperator::Addition => left + right,
        BinaryOperator::Subtraction => left - right,
        BinaryOperator::Multiplication => left * right,
        BinaryOperator::Division => left / right,
        BinaryOperator::Remainder => left % right,
        // JavaScript has no number for 1 ** Infinity.
        BinaryOperator::Exponential if right.is_finite() => left.powf(right),
        BinaryOperator::ShiftLeft => shift(left, right)?,
        BinaryOperator::LessThan => return Some(Value::Boolean(left < right)),
        BinaryOperator::LessEqualThan => return Some(Value::Boolean(left <= right)),
        BinaryOperator::GreaterThan => return Some(Value::Boolean(left > right)),
        BinaryOperator::GreaterEqualThan => return Some(Value::Boolean(left >= right)),
        _ => return None,
    };
    Some(Value::Number(number))
}

/// `1 << 4`, as flags are written.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
fn shift(left: f64, right: f64) -> Option<f64> {
    let is_small = |number: f64| number.fract() == 0.0 && (0.0..=15.0).contains(&number);
    (is_small(left) && is_small(right)).then(|| f64::from((left as u32) << (right as u32)))
}

/// `None` for what is compared by identity.
fn strictly_equal(left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    match (left, right) {
        #[expect(clippy::float_cmp, reason = "as JavaScript does")]
        (Value::Number(left), Value::Number(right)) => Some(left == right),
        (Value::Text(left), Value::Text(right)) => Some(left == right),
        (Value::Boolean(left), Value::Boolean(right)) => Some(left == right),
        (left, right) if is_primitive(left) && is_primitive(right) => {
            Some(std::mem::discriminant(left) == std::mem::discriminant(right))
        }
        _ => None,
    }
}

fn is_primitive(value: &Value<'_>) -> bool {
    matches!(value, Value::Number(_) | Value::Text(_) | Value::Boolean(_) | Value::Null | Value::Undefined)
}
