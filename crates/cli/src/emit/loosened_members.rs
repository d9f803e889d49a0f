//! Gives `any` to parameters, results and members of classes that have no type.

use oxc::ast::ast::{
    BindingPattern, Class, ClassElement, FormalParameter, FormalParameters, MethodDefinition,
    MethodDefinitionKind, PropertyKey,
};
use oxc::span::{GetSpan, Span};

use super::loosening::{Loosening, Scale};

/// What a class becomes of which nothing can be told.
const ANY_CLASS: &str =
    "{ [member: string]: any; static [member: string]: any; constructor(...args: any[]) {} }";

impl Loosening<'_> {
    pub(super) fn signature(&mut self, parameters: &FormalParameters<'_>, has_return_type: bool) {
        for (index, parameter) in parameters.items.iter().enumerate() {
            if parameter.type_annotation.is_none() {
                // Behind one that may be left out all others may be.
                let is_optional =
                    parameters.items[index..].iter().all(|one| one.initializer.is_some() || one.optional);
                self.parameter(parameter, is_optional);
            }
        }
        if let Some(rest) = parameters.rest.as_ref().filter(|rest| rest.type_annotation.is_none()) {
            self.edits.insert(rest.rest.span.end, ": any[]");
        }
        if !has_return_type {
            self.edits.insert(parameters.span.end, ": any");
        }
    }

    fn parameter(&mut self, parameter: &FormalParameter<'_>, is_optional: bool) {
        let pattern = parameter.pattern.span();
        let name = match &parameter.pattern {
            BindingPattern::BindingIdentifier(id) => id.name.to_string(),
            _ => pattern.source_text(self.source).to_owned(),
        };
        let mark = if is_optional { "?" } else { "" };
        self.edits.replace(Span::new(pattern.start, parameter.span.end), format!("{name}{mark}: any"));
    }

    pub(super) fn class(&mut self, class: &Class<'_>) {
        if self.scale == Scale::Whole {
            let begin = class.id.as_ref().map_or(class.body.span.start, |id| id.span.end);
            return self.edits.replace(Span::new(begin, class.span.end), format!(" {ANY_CLASS}"));
        }
        for member in class.body.body.iter().filter(|one| self.has_problem(one.span())).collect::<Vec<_>>() {
            match member {
                ClassElement::MethodDefinition(method) => self.method(method),
                ClassElement::PropertyDefinition(one) if one.type_annotation.is_none() => {
                    self.property(&one.key);
                }
                ClassElement::AccessorProperty(one) if one.type_annotation.is_none() => {
                    self.property(&one.key);
                }
                _ => {}
            }
        }
    }

    fn method(&mut self, method: &MethodDefinition<'_>) {
        let has_no_result =
            matches!(method.kind, MethodDefinitionKind::Constructor | MethodDefinitionKind::Set);
        self.signature(&method.value.params, has_no_result || method.value.return_type.is_some());
    }

    /// Behind `name`, `name?`, `name!` or `[name]`.
    fn property(&mut self, key: &PropertyKey<'_>) {
        let end = key.span().end;
        let behind = self.source.get(end as usize..).unwrap_or_default();
        let marks = behind.len() - behind.trim_start_matches([' ', ']', '?', '!']).len();
        let marks = behind[..marks].trim_end_matches(' ').len();
        self.edits.insert(end + u32::try_from(marks).unwrap_or_default(), ": any");
    }
}
