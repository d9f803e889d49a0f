//! Evaluates enums.

use std::rc::Rc;

use oxc::ast::ast::Program;

use super::evaluator::Evaluator;
use super::module_names::{enum_declarations, has_namespace};
use super::value::{Frame, Value};
use crate::source::module_graph::Module;

impl<'a> Evaluator<'_, 'a> {
    /// All members that the declarations of a name give to it, and the names of the numbers among them.
    pub(super) fn enumeration(
        &self,
        module: &Rc<Module<'a>>,
        program: &'a Program<'a>,
        name: &str,
    ) -> Value<'a> {
        // What a namespace of the same name adds is not looked at.
        if has_namespace(program, name) {
            return Value::Unknown;
        }
        let mut properties: Vec<(String, Value<'a>)> = Vec::new();
        self.within(Frame::default(), || {
            for declaration in enum_declarations(program, name) {
                let mut next = Value::Number(0.0);
                for member in &declaration.body.members {
                    let value = match &member.initializer {
                        Some(initializer) => self.evaluate(module, initializer),
                        None => next,
                    };
                    next = match value {
                        Value::Number(number) => Value::Number(number + 1.0),
                        _ => Value::Unknown,
                    };
                    let key = member.id.static_name().as_str();
                    if let Value::Number(_) = value
                        && let Some(number) = value.to_text()
                    {
                        Value::set(&mut properties, number, Value::Text(key.to_owned()));
                    }
                    // Members see those before them.
                    self.set_local(key, value.clone());
                    Value::set(&mut properties, key.to_owned(), value);
                }
            }
        });
        Value::object(properties)
    }
}
