//! Which names stand for something that is changed after it was made. Who adds to a list or sets a property does that
//! with the name that the list or the object has; what happens to it by other ways is not followed.

use std::collections::HashSet;

use oxc::ast::AstKind;
use oxc::ast::ast::{
    Argument, AssignmentTarget, CallExpression, Expression, Program, SimpleAssignmentTarget, UnaryOperator,
};

use crate::source::node_walk::{NodeListener, walk_nodes};

const CHANGING_METHODS: [&str; 13] = [
    "push",
    "pop",
    "shift",
    "unshift",
    "splice",
    "sort",
    "reverse",
    "fill",
    "copyWithin",
    "set",
    "delete",
    "clear",
    "add",
];
const CHANGING_FUNCTIONS: [&str; 5] =
    ["assign", "defineProperty", "defineProperties", "setPrototypeOf", "set"];

/// Names of a module that something is done to which changes what they stand for.
pub(crate) fn changed_names(program: &Program<'_>) -> HashSet<String> {
    let mut changed = Changed::default();
    walk_nodes(program, &mut changed);
    changed.0
}

#[derive(Default)]
struct Changed(HashSet<String>);

impl Changed {
    /// Notes the name at the beginning of `name.a.b[c]`.
    fn note(&mut self, expression: &Expression<'_>) {
        let mut expression = expression.get_inner_expression();
        while let Some(member) = expression.as_member_expression() {
            expression = member.object().get_inner_expression();
        }
        if let Expression::Identifier(id) = expression {
            self.0.insert(id.name.to_string());
        }
    }

    fn note_target(&mut self, target: &SimpleAssignmentTarget<'_>) {
        match target {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(id) => {
                self.0.insert(id.name.to_string());
            }
            target => {
                if let Some(member) = target.as_member_expression() {
                    self.note(member.object());
                }
            }
        }
    }
}

impl<'a> NodeListener<'a> for Changed {
    fn enter(&mut self, node: AstKind<'a>) {
        match node {
            AstKind::AssignmentExpression(one) => self.note_assigned(Some(&one.left)),
            AstKind::ForInStatement(one) => self.note_assigned(one.left.as_assignment_target()),
            AstKind::ForOfStatement(one) => self.note_assigned(one.left.as_assignment_target()),
            // Within patterns: `[list[0]] = …`.
            AstKind::ArrayAssignmentTarget(one) => {
                for element in one.elements.iter().flatten() {
                    self.note_assigned(element.as_assignment_target());
                }
            }
            AstKind::AssignmentTargetPropertyProperty(one) => {
                self.note_assigned(one.binding.as_assignment_target());
            }
            AstKind::AssignmentTargetWithDefault(one) => self.note_assigned(Some(&one.binding)),
            AstKind::AssignmentTargetRest(one) => self.note_assigned(Some(&one.target)),
            AstKind::UpdateExpression(one) => self.note_target(&one.argument),
            AstKind::UnaryExpression(one) if one.operator == UnaryOperator::Delete => {
                self.note(&one.argument);
            }
            AstKind::CallExpression(one) => self.note_call(one),
            _ => {}
        }
    }
}

impl Changed {
    fn note_assigned(&mut self, target: Option<&AssignmentTarget<'_>>) {
        if let Some(target) = target.and_then(AssignmentTarget::as_simple_assignment_target) {
            self.note_target(target);
        }
    }

    fn note_call(&mut self, call: &CallExpression<'_>) {
        let Some(member) = call.callee.get_inner_expression().as_member_expression() else { return };
        let name = member.static_property_name().unwrap_or_default();
        if CHANGING_METHODS.contains(&name) {
            self.note(member.object());
        }
        let first = call.arguments.first().and_then(Argument::as_expression);
        if let Some(first) = first.filter(|_| CHANGING_FUNCTIONS.contains(&name)) {
            self.note(first);
        }
    }
}
