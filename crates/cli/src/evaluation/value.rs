//! Values of expressions.

use std::collections::HashMap;
use std::rc::Rc;

use oxc::ast::ast::{ArrowFunctionExpression, Expression, Function};
use oxc::span::Span;

use crate::source::module_graph::Module;

/// A value, as far as it is known before the program runs.
#[derive(Clone)]
pub(crate) enum Value<'a> {
    Number(f64),
    Text(String),
    Boolean(bool),
    Null,
    Undefined,
    List(Rc<Vec<Value<'a>>>),
    Object(Rc<Vec<(String, Value<'a>)>>),
    /// `process`.
    Process,
    /// `process.env`.
    ProcessEnvironment,
    /// What an environment variable will be.
    Environment(String),
    Function(Rc<FunctionValue<'a>>),
    /// `defineBroker` or one of its siblings.
    DefineFunction(DefinitionKind),
    /// Everything that our package exports.
    BrokerPackage,
    Definition(Rc<Definition<'a>>),
    /// Only a running program can tell.
    Unknown,
}

/// A function of some module.
pub(crate) struct FunctionValue<'a> {
    pub(crate) module: Rc<Module<'a>>,
    pub(crate) code: FunctionCode<'a>,
    /// What the functions around it knew when it was made.
    pub(crate) captured: Frame<'a>,
}

/// What is known within a function that is being called, besides what its module declares.
#[derive(Clone, Default)]
pub(crate) struct Frame<'a> {
    /// Parameters and constants.
    pub(crate) values: HashMap<&'a str, Value<'a>>,
    /// Type parameters, and what was given for them.
    pub(crate) types: HashMap<&'a str, Option<WrittenType<'a>>>,
}

/// A type as it is written in some module, where it means something.
#[derive(Clone)]
pub(crate) struct WrittenType<'a> {
    pub(crate) text: String,
    pub(crate) module: Rc<Module<'a>>,
}

#[derive(Clone, Copy)]
pub(crate) enum FunctionCode<'a> {
    Arrow(&'a ArrowFunctionExpression<'a>),
    Declared(&'a Function<'a>),
}

/// Which of the `define*` functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefinitionKind {
    Broker,
    Topic,
    Producer,
    Consumer,
}

impl DefinitionKind {
    const FUNCTIONS: [(&str, Self); 4] = [
        ("defineBroker", Self::Broker),
        ("defineTopic", Self::Topic),
        ("defineProducer", Self::Producer),
        ("defineConsumer", Self::Consumer),
    ];

    pub(crate) fn of_function(name: &str) -> Option<Self> {
        Self::FUNCTIONS.iter().find(|(function, _)| *function == name).map(|(_, kind)| *kind)
    }

    pub(crate) fn function(self) -> &'static str {
        Self::FUNCTIONS.iter().find(|(_, kind)| *kind == self).map_or("", |(function, _)| function)
    }

    /// As people call it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Topic => "topic",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Its configuration type.
    pub(crate) fn config_type(self) -> &'static str {
        match self {
            Self::Broker => "BrokerConfig",
            Self::Topic => "TopicConfig",
            Self::Producer => "ProducerConfig",
            Self::Consumer => "ConsumerConfig",
        }
    }
}

/// The result of a call of `defineBroker` or one of its siblings.
pub(crate) struct Definition<'a> {
    pub(crate) kind: DefinitionKind,
    /// Where the call is.
    pub(crate) module: Rc<Module<'a>>,
    pub(crate) span: Span,
    /// What is given to it, as it is written.
    pub(crate) argument: Option<&'a Expression<'a>>,
    pub(crate) config: Value<'a>,
    /// Its type argument.
    pub(crate) payload: Option<WrittenType<'a>>,
}

/// Parts of a value that are looked at.
const MOST_PARTS: usize = 20_000;
/// What every object inherits.
const INHERITED: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

impl<'a> Value<'a> {
    pub(crate) fn list(members: Vec<Value<'a>>) -> Self {
        Self::List(Rc::new(members))
    }

    pub(crate) fn object(properties: Vec<(String, Value<'a>)>) -> Self {
        Self::Object(Rc::new(properties))
    }

    /// Whether it has no more parts than may be looked at. What is in two places has its parts twice.
    pub(crate) fn is_small(&self) -> bool {
        self.parts_within(MOST_PARTS).is_some()
    }

    /// How many more parts there may be, if there are no more than `left`.
    fn parts_within(&self, left: usize) -> Option<usize> {
        let left = left.checked_sub(1)?;
        match self {
            Self::List(members) => members.iter().try_fold(left, |left, one| one.parts_within(left)),
            Self::Object(properties) => {
                properties.iter().try_fold(left, |left, (_, one)| one.parts_within(left))
            }
            Self::Definition(definition) => definition.config.parts_within(left),
            _ => Some(left),
        }
    }

    /// A property; `None` if nothing can be told about the object.
    pub(crate) fn property(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(properties) => {
                let found = properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                found.or_else(|| (!INHERITED.contains(&name)).then_some(Self::Undefined))
            }
            Self::List(members) if name == "length" => length(members.len()),
            Self::Text(text) if name == "length" => length(text.encode_utf16().count()),
            Self::List(members) => {
                let index = name.parse::<usize>().ok()?;
                Some(members.get(index).cloned().unwrap_or(Self::Undefined))
            }
            Self::Definition(definition) => definition.config.property(name),
            Self::Process if name == "env" => Some(Self::ProcessEnvironment),
            Self::ProcessEnvironment => Some(Self::Environment(name.to_owned())),
            Self::BrokerPackage => DefinitionKind::of_function(name).map(Self::DefineFunction),
            _ => None,
        }
    }

    /// The text that it becomes within a template.
    pub(crate) fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => number_text(*number),
            Self::Boolean(truth) => Some(truth.to_string()),
            Self::Null => Some("null".to_owned()),
            Self::Undefined => Some("undefined".to_owned()),
            _ => None,
        }
    }

    /// Whether a condition takes it for true.
    pub(crate) fn is_truthy(&self) -> Option<bool> {
        match self {
            Self::Number(number) => Some(*number != 0.0 && !number.is_nan()),
            Self::Text(text) => Some(!text.is_empty()),
            Self::Boolean(truth) => Some(*truth),
            Self::Null | Self::Undefined => Some(false),
            Self::List(_) | Self::Object(_) | Self::Function(_) | Self::Definition(_) => Some(true),
            Self::DefineFunction(_) | Self::BrokerPackage | Self::Process | Self::ProcessEnvironment => {
                Some(true)
            }
            Self::Environment(_) | Self::Unknown => None,
        }
    }

    /// Whether `??` goes on to its right side.
    pub(crate) fn is_nullish(&self) -> Option<bool> {
        match self {
            Self::Null | Self::Undefined => Some(true),
            Self::Environment(_) | Self::Unknown => None,
            _ => Some(false),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Sets a property, where it stood or at the end.
    pub(crate) fn set(properties: &mut Vec<(String, Value<'a>)>, key: String, value: Value<'a>) {
        match properties.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => properties.push((key, value)),
        }
    }
}

/// Whole numbers look the same in both languages up to here; what else there is needs no text.
fn number_text(number: f64) -> Option<String> {
    // Zero has no sign there.
    (number.abs() < 1e21 && (number == 0.0 || number.abs() >= 1e-6)).then(|| (number + 0.0).to_string())
}

fn length<'a>(length: usize) -> Option<Value<'a>> {
    u32::try_from(length).ok().map(|length| Value::Number(length.into()))
}
