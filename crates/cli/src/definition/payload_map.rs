//! The members of `MessagePayloads`.

use std::rc::Rc;

use oxc::ast::ast::{
    Declaration, TSInterfaceDeclaration, TSSignature, TSType, TSTypeName, TSTypeParameterDeclaration,
};
use oxc::span::GetSpan;

use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::module_names::declaration;
use crate::evaluation::name_origins::{Origin, local_origin};
use crate::source::module_graph::{Module, ModuleGraph};

/// Types that are followed into each other at most.
const DEEPEST: usize = 20;

/// What is known of them.
#[derive(Default)]
pub(crate) struct PayloadMap {
    /// Topic and type, as it is written.
    pub(crate) entries: Vec<(String, String)>,
    /// It has a type for any other topic.
    pub(crate) has_index: bool,
    /// It has more members than can be seen here.
    pub(crate) is_open: bool,
}

/// What a module declares, exported or not.
pub(super) fn declarations<'a>(module: &Module<'a>) -> impl Iterator<Item = &'a Declaration<'a>> {
    module.program.into_iter().flat_map(|program| &program.body).filter_map(declaration)
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl PayloadMap {
    /// Reads it where it is declared. `None` if it is not the type of anything: it has parameters that must be given.
    pub(super) fn read<'a>(
        evaluator: &Evaluator<'_, 'a>,
        graph: &ModuleGraph<'a>,
        origin: &Origin,
    ) -> Option<Self> {
        let mut reading = Reading { evaluator, graph, map: Self::default(), depth: 0 };
        reading.origin(origin).then_some(reading.map)
    }
}

struct Reading<'r, 'g, 'a> {
    evaluator: &'r Evaluator<'g, 'a>,
    graph: &'r ModuleGraph<'a>,
    map: PayloadMap,
    depth: usize,
}

impl<'a> Reading<'_, '_, 'a> {
    /// All declarations of a name; `false` if one of them needs type arguments.
    fn origin(&mut self, origin: &Origin) -> bool {
        let Some((module, name)) = origin.declaration(self.graph).filter(|_| self.depth < DEEPEST) else {
            self.map.is_open = true;
            return true;
        };
        self.depth += 1;
        let mut is_found = false;
        for declaration in declarations(&module) {
            let parameters = match declaration {
                Declaration::TSInterfaceDeclaration(one) if one.id.name == name => {
                    self.interface(&module, one);
                    &one.type_parameters
                }
                Declaration::TSTypeAliasDeclaration(one) if one.id.name == name => {
                    self.type_of(&module, &one.type_annotation);
                    &one.type_parameters
                }
                _ => continue,
            };
            is_found = true;
            if parameters.as_ref().is_some_and(|parameters| has_required(parameters)) {
                return false;
            }
        }
        self.depth -= 1;
        self.map.is_open |= !is_found;
        true
    }

    /// The members of a type that another one is made of.
    fn part(&mut self, module: &Rc<Module<'a>>, name: &str, has_arguments: bool) {
        match local_origin(self.graph, module, name) {
            Some(origin) if !has_arguments && self.origin(&origin) => {}
            _ => self.map.is_open = true,
        }
    }

    fn interface(&mut self, module: &Rc<Module<'a>>, one: &'a TSInterfaceDeclaration<'a>) {
        for parent in &one.extends {
            match &parent.type_name {
                TSTypeName::IdentifierReference(id) => {
                    self.part(module, id.name.as_str(), parent.type_arguments.is_some());
                }
                _ => self.map.is_open = true,
            }
        }
        self.members(module, &one.body.body);
    }

    fn type_of(&mut self, module: &Rc<Module<'a>>, one: &'a TSType<'a>) {
        match one {
            TSType::TSTypeLiteral(literal) => self.members(module, &literal.members),
            TSType::TSIntersectionType(parts) => {
                parts.types.iter().for_each(|part| self.type_of(module, part));
            }
            TSType::TSParenthesizedType(inner) => self.type_of(module, &inner.type_annotation),
            TSType::TSTypeReference(reference) => match &reference.type_name {
                TSTypeName::IdentifierReference(id) => {
                    self.part(module, id.name.as_str(), reference.type_arguments.is_some());
                }
                _ => self.map.is_open = true,
            },
            _ => self.map.is_open = true,
        }
    }

    fn members(&mut self, module: &Rc<Module<'a>>, members: &'a [TSSignature<'a>]) {
        for member in members {
            match member {
                TSSignature::TSIndexSignature(_) => self.map.has_index = true,
                TSSignature::TSPropertySignature(property) => {
                    let key = self.evaluator.key(module, &property.key, property.computed);
                    match (key, &property.type_annotation) {
                        (Some(key), Some(annotation)) => {
                            let written = annotation.type_annotation.span().source_text(&module.source);
                            self.map.entries.push((key, one_line(written)));
                        }
                        _ => self.map.is_open = true,
                    }
                }
                _ => {}
            }
        }
    }
}

fn has_required(parameters: &TSTypeParameterDeclaration<'_>) -> bool {
    parameters.params.iter().any(|one| one.default.is_none())
}
