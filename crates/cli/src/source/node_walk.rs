//! One walk over a syntax tree for everybody who looks for nodes in it. `Visit` has hundreds of methods, which are compiled
//! anew for each type that implements it.

use oxc::ast::AstKind;
use oxc::ast::ast::Program;
use oxc::ast_visit::Visit;

/// Hears of the nodes of a program, outer ones first.
pub(crate) trait NodeListener<'a> {
    fn enter(&mut self, node: AstKind<'a>);

    /// The nodes within it are through.
    fn leave(&mut self, _: AstKind<'a>) {}
}

impl<'a, F: FnMut(AstKind<'a>)> NodeListener<'a> for F {
    fn enter(&mut self, node: AstKind<'a>) {
        self(node);
    }
}

/// Walks over all nodes of a program.
pub(crate) fn walk_nodes<'a>(program: &Program<'a>, listener: &mut dyn NodeListener<'a>) {
    NodeWalk { listener }.visit_program(program);
}

struct NodeWalk<'l, 'a> {
    listener: &'l mut dyn NodeListener<'a>,
}

impl<'a> Visit<'a> for NodeWalk<'_, 'a> {
    fn enter_node(&mut self, node: AstKind<'a>) {
        self.listener.enter(node);
    }

    fn leave_node(&mut self, node: AstKind<'a>) {
        self.listener.leave(node);
    }
}
