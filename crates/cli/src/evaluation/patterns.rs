//! Binds names to values: those of parameters, and of constants that are taken apart.

use std::rc::Rc;

use oxc::ast::ast::{BindingPattern, FormalParameters};

use super::evaluator::Evaluator;
use super::value::{Frame, Value};
use crate::source::module_graph::Module;

impl<'a> Evaluator<'_, 'a> {
    /// Makes the names of a pattern known in the function that is being called. `None` if that cannot be told.
    pub(super) fn bind(
        &self,
        module: &Rc<Module<'a>>,
        pattern: &'a BindingPattern<'a>,
        value: Value<'a>,
    ) -> Option<()> {
        match pattern {
            BindingPattern::BindingIdentifier(id) => self.set_local(id.name.as_str(), value),
            BindingPattern::AssignmentPattern(assignment) => {
                let value = match value {
                    Value::Undefined => self.evaluate(module, &assignment.right),
                    // It may be undefined.
                    Value::Environment(_) => Value::Unknown,
                    value => value,
                };
                self.bind(module, &assignment.left, value)?;
            }
            BindingPattern::ObjectPattern(object) => {
                let mut taken = Vec::new();
                for property in &object.properties {
                    let key = self.key(module, &property.key, property.computed)?;
                    self.bind(module, &property.value, value.property(&key).unwrap_or(Value::Unknown))?;
                    taken.push(key);
                }
                if let Some(rest) = &object.rest {
                    let rest_value = match &value {
                        Value::Object(properties) => {
                            let others = properties.iter().filter(|(name, _)| !taken.contains(name));
                            Value::object(others.cloned().collect())
                        }
                        _ => Value::Unknown,
                    };
                    self.bind(module, &rest.argument, rest_value)?;
                }
            }
            BindingPattern::ArrayPattern(array) => {
                let member = |index: usize| match &value {
                    Value::List(members) => members.get(index).cloned().unwrap_or(Value::Undefined),
                    _ => Value::Unknown,
                };
                for (index, element) in array.elements.iter().enumerate() {
                    if let Some(element) = element {
                        self.bind(module, element, member(index))?;
                    }
                }
                if let Some(rest) = &array.rest {
                    let rest_value = match &value {
                        Value::List(members) => {
                            Value::list(members.iter().skip(array.elements.len()).cloned().collect())
                        }
                        _ => Value::Unknown,
                    };
                    self.bind(module, &rest.argument, rest_value)?;
                }
            }
        }
        Some(())
    }

    /// Makes the parameters of a function known in it. Each sees those before it.
    pub(super) fn bind_parameters(
        &self,
        module: &Rc<Module<'a>>,
        parameters: &'a FormalParameters<'a>,
        arguments: &[Value<'a>],
    ) -> Option<()> {
        for (index, parameter) in parameters.items.iter().enumerate() {
            let given = arguments.get(index).cloned().unwrap_or(Value::Undefined);
            let value = match (given, &parameter.initializer) {
                (Value::Undefined, Some(default)) => self.evaluate(module, default),
                (Value::Environment(_), Some(_)) => Value::Unknown,
                (given, _) => given,
            };
            self.bind(module, &parameter.pattern, value)?;
        }
        if let Some(rest) = &parameters.rest {
            let others = arguments.iter().skip(parameters.items.len()).cloned().collect();
            self.bind(module, &rest.rest.argument, Value::list(others))?;
        }
        Some(())
    }

    /// What one name of a pattern at the top of a module is bound to.
    pub(super) fn part(
        &self,
        module: &Rc<Module<'a>>,
        pattern: &'a BindingPattern<'a>,
        whole: Value<'a>,
        name: &str,
    ) -> Option<Value<'a>> {
        self.within(Frame::default(), || {
            self.bind(module, pattern, whole)?;
            self.frame().values.remove(name)
        })
    }
}
