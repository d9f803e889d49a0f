//! What statements make of names.

use oxc::ast::ast::{
    BindingPattern, Declaration, Expression, Function, ImportDeclarationSpecifier, ImportOrExportKind,
    Program, Statement, TSEnumDeclaration, TSModuleReference, TSNamespaceDeclaration,
    VariableDeclarationKind,
};

/// What a name at the top of a module stands for.
#[derive(Clone, Copy)]
pub(crate) enum Binding<'a> {
    /// `const name = value`.
    Constant(&'a Expression<'a>),
    /// `const { key: name } = value`.
    Part(&'a BindingPattern<'a>, &'a Expression<'a>),
    Enum,
    Function(&'a Function<'a>),
    Namespace(&'a TSNamespaceDeclaration<'a>),
    /// `import name = Namespace.Member`.
    Alias(&'a TSModuleReference<'a>),
    Import {
        specifier: &'a str,
        name: ImportedName<'a>,
    },
    /// A variable that changes, a class.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportedName<'a> {
    Named(&'a str),
    Default,
    Namespace,
}

/// A name that others can import.
#[derive(Clone, Copy)]
pub(crate) enum Export<'a> {
    Local(&'a str),
    DefaultExpression(&'a Expression<'a>),
    /// `export default class {}`, `export default function () {}`.
    Anonymous,
    From {
        specifier: &'a str,
        name: ImportedName<'a>,
    },
}

/// An export as it is written, under the name that others see.
pub(crate) type Written<'a> = (&'a str, Export<'a>);

/// What a statement declares, exported or not.
pub(crate) fn declaration<'s, 'a>(statement: &'s Statement<'a>) -> Option<&'s Declaration<'a>> {
    match statement {
        Statement::ExportDeclaration(export) => Some(&export.declaration),
        statement => statement.as_declaration(),
    }
}

/// All enums of a name; they are one.
pub(crate) fn enum_declarations<'a>(
    program: &'a Program<'a>,
    name: &str,
) -> impl Iterator<Item = &'a TSEnumDeclaration<'a>> {
    program.body.iter().filter_map(move |statement| match declaration(statement) {
        Some(Declaration::TSEnumDeclaration(one)) if one.id.name == name => Some(&**one),
        _ => None,
    })
}

/// Whether there is a namespace of that name.
pub(crate) fn has_namespace(program: &Program<'_>, name: &str) -> bool {
    program.body.iter().any(|statement| match declaration(statement) {
        Some(Declaration::TSNamespaceDeclaration(one)) => one.id.name == name,
        _ => false,
    })
}

/// What an import binds.
pub(super) fn imported<'a>(specifier: &'a str, one: &'a ImportDeclarationSpecifier<'a>) -> Binding<'a> {
    let name = match one {
        ImportDeclarationSpecifier::ImportSpecifier(one) => imported_name(one.imported.name().as_str()),
        ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => ImportedName::Default,
        ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => ImportedName::Namespace,
    };
    Binding::Import { specifier, name }
}

pub(super) fn imported_name(name: &str) -> ImportedName<'_> {
    if name == "default" { ImportedName::Default } else { ImportedName::Named(name) }
}

/// The names that a declaration binds, and to what; types are bound to nothing.
pub(super) fn bindings<'a>(declaration: &'a Declaration<'a>) -> Vec<(&'a str, Binding<'a>)> {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            let is_constant = variables.kind == VariableDeclarationKind::Const;
            let each = variables.declarations.iter().flat_map(|one| {
                let binding = match (&one.id, one.init.as_ref().filter(|_| is_constant)) {
                    (_, None) => Binding::Other,
                    (BindingPattern::BindingIdentifier(_), Some(init)) => Binding::Constant(init),
                    (pattern, Some(init)) => Binding::Part(pattern, init),
                };
                one.id.get_binding_identifiers().into_iter().map(move |id| (id.name.as_str(), binding))
            });
            each.collect()
        }
        Declaration::FunctionDeclaration(function) => function_binding(function).into_iter().collect(),
        Declaration::ClassDeclaration(class) => {
            class.id.iter().map(|id| (id.name.as_str(), Binding::Other)).collect()
        }
        Declaration::TSEnumDeclaration(one) => vec![(one.id.name.as_str(), Binding::Enum)],
        Declaration::TSNamespaceDeclaration(one) if has_values(one) => {
            vec![(one.id.name.as_str(), Binding::Namespace(one))]
        }
        Declaration::TSImportEqualsDeclaration(one) => {
            vec![(one.id.name.as_str(), Binding::Alias(&one.module_reference))]
        }
        _ => Vec::new(),
    }
}

/// Overloads have no body.
pub(super) fn function_binding<'a>(function: &'a Function<'a>) -> Option<(&'a str, Binding<'a>)> {
    let id = function.id.as_ref().filter(|_| function.body.is_some())?;
    Some((id.name.as_str(), Binding::Function(function)))
}

/// Names of the values that a declaration declares, in order.
pub(crate) fn declared_names<'a>(declaration: &'a Declaration<'a>) -> Vec<&'a str> {
    if declaration.declare() {
        return Vec::new();
    }
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            let identifiers = variables.declarations.iter().flat_map(|one| one.id.get_binding_identifiers());
            identifiers.map(|id| id.name.as_str()).collect()
        }
        Declaration::FunctionDeclaration(one) => one.id.iter().map(|id| id.name.as_str()).collect(),
        Declaration::ClassDeclaration(one) => one.id.iter().map(|id| id.name.as_str()).collect(),
        Declaration::TSEnumDeclaration(one) => vec![one.id.name.as_str()],
        Declaration::TSNamespaceDeclaration(one) if has_values(one) => vec![one.id.name.as_str()],
        Declaration::TSImportEqualsDeclaration(one) if one.import_kind == ImportOrExportKind::Value => {
            vec![one.id.name.as_str()]
        }
        _ => Vec::new(),
    }
}

/// Names of the types that a declaration declares. A class and an enum are values as well.
pub(crate) fn declared_types<'a>(declaration: &'a Declaration<'a>) -> Option<&'a str> {
    match declaration {
        Declaration::TSInterfaceDeclaration(one) => Some(one.id.name.as_str()),
        Declaration::TSTypeAliasDeclaration(one) => Some(one.id.name.as_str()),
        Declaration::TSNamespaceDeclaration(one) => Some(one.id.name.as_str()),
        Declaration::ClassDeclaration(one) => one.id.as_ref().map(|id| id.name.as_str()),
        Declaration::TSEnumDeclaration(one) => Some(one.id.name.as_str()),
        _ => None,
    }
}

/// A namespace of nothing but types is nothing at run time.
fn has_values(one: &TSNamespaceDeclaration<'_>) -> bool {
    use oxc::ast::ast::TSNamespaceDeclarationBody as Body;
    match &one.body {
        Body::TSNamespaceDeclaration(inner) => has_values(inner),
        Body::TSModuleBlock(block) => block.body.iter().any(|statement| match declaration(statement) {
            Some(declaration) => !declared_names(declaration).is_empty(),
            None => true,
        }),
    }
}
