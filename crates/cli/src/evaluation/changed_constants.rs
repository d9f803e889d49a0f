//! Which names stand for something that is changed after it was made. Who adds to a list or sets a property does that
//! with the name that the list or the object has; what happens to it by other ways is not followed.

use std::collections::HashSet;

use oxc::ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, CallExpression, Expression, Program,
    SimpleAssignmentTarget, UnaryExpression, UnaryOperator, UpdateExpression,
};
use oxc::ast_visit::{Visit, walk};

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
    changed.visit_program(program);
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

impl<'a> Visit<'a> for Changed {
    fn visit_assignment_expression(&mut self, one: &AssignmentExpression<'a>) {
        if let Some(target) = one.left.as_simple_assignment_target() {
            self.note_target(target);
        }
        walk::walk_assignment_expression(self, one);
    }

    // Within patterns: `[list[0]] = …`.
    fn visit_assignment_target(&mut self, one: &AssignmentTarget<'a>) {
        if let Some(target) = one.as_simple_assignment_target() {
            self.note_target(target);
        }
        walk::walk_assignment_target(self, one);
    }

    fn visit_update_expression(&mut self, one: &UpdateExpression<'a>) {
        self.note_target(&one.argument);
        walk::walk_update_expression(self, one);
    }

    fn visit_unary_expression(&mut self, one: &UnaryExpression<'a>) {
        if one.operator == UnaryOperator::Delete {
            self.note(&one.argument);
        }
        walk::walk_unary_expression(self, one);
    }

    fn visit_call_expression(&mut self, one: &CallExpression<'a>) {
        if let Some(member) = one.callee.get_inner_expression().as_member_expression() {
            let name = member.static_property_name().unwrap_or_default();
            if CHANGING_METHODS.contains(&name) {
                self.note(member.object());
            }
            let first = one.arguments.first().and_then(Argument::as_expression);
            if let Some(first) = first.filter(|_| CHANGING_FUNCTIONS.contains(&name)) {
                self.note(first);
            }
        }
        walk::walk_call_expression(self, one);
    }
}
