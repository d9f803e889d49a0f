//! The names of a module: what they are bound to, and under which ones it is seen from outside.

use oxc::ast::ast::{
    BindingIdentifier, BindingPattern, Declaration, ExportDefaultDeclarationKind, Expression, Function, ImportDeclarationSpecifier,
    ImportOrExportKind, Program, Statement, TSEnumDeclaration, TSModuleReference, TSNamespaceDeclaration,
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
    From { specifier: &'a str, name: ImportedName<'a> },
}

/// What `name` is bound to; types are bound to nothing.
pub(crate) fn binding<'a>(program: &'a Program<'a>, name: &str) -> Option<Binding<'a>> {
    program.body.iter().find_map(|statement| match statement {
        Statement::ImportDeclaration(import) => {
            let specifier = import.source.value.as_str();
            let specifiers = import.specifiers.iter().flatten();
            specifiers.filter(|one| one.local().name == name).map(|one| imported(specifier, one)).next()
        }
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(one) => bound_function(one, name),
            ExportDefaultDeclarationKind::ClassDeclaration(one) => {
                one.id.as_ref().filter(|id| id.name == name).map(|_| Binding::Other)
            }
            _ => None,
        },
        statement => declaration(statement).and_then(|declaration| bound(declaration, name)),
    })
}

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

fn imported<'a>(specifier: &'a str, one: &'a ImportDeclarationSpecifier<'a>) -> Binding<'a> {
    let name = match one {
        ImportDeclarationSpecifier::ImportSpecifier(one) => imported_name(one.imported.name().as_str()),
        ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => ImportedName::Default,
        ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => ImportedName::Namespace,
    };
    Binding::Import { specifier, name }
}

fn imported_name(name: &str) -> ImportedName<'_> {
    if name == "default" { ImportedName::Default } else { ImportedName::Named(name) }
}

fn bound<'a>(declaration: &'a Declaration<'a>, name: &str) -> Option<Binding<'a>> {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            let is_constant = variables.kind == VariableDeclarationKind::Const;
            let one = variables.declarations.iter().find(|one| {
                one.id.get_binding_identifiers().iter().any(|id| id.name == name)
            })?;
            Some(match (&one.id, one.init.as_ref().filter(|_| is_constant)) {
                (_, None) => Binding::Other,
                (BindingPattern::BindingIdentifier(_), Some(init)) => Binding::Constant(init),
                (pattern, Some(init)) => Binding::Part(pattern, init),
            })
        }
        Declaration::FunctionDeclaration(function) => bound_function(function, name),
        Declaration::ClassDeclaration(class) => {
            class.id.as_ref().filter(|id| id.name == name).map(|_| Binding::Other)
        }
        Declaration::TSEnumDeclaration(one) => (one.id.name == name).then_some(Binding::Enum),
        Declaration::TSNamespaceDeclaration(one) => {
            (one.id.name == name && has_values(one)).then_some(Binding::Namespace(one))
        }
        Declaration::TSImportEqualsDeclaration(one) => {
            (one.id.name == name).then_some(Binding::Alias(&one.module_reference))
        }
        _ => None,
    }
}

/// Overloads have no body.
fn bound_function<'a>(function: &'a Function<'a>, name: &str) -> Option<Binding<'a>> {
    let is_it = function.body.is_some() && function.id.as_ref().is_some_and(|id| id.name == name);
    is_it.then_some(Binding::Function(function))
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

/// The values that a module exports by name, in the order of the source, without what `export *` brings.
pub(crate) fn exports<'a>(program: &'a Program<'a>) -> Vec<(&'a str, Export<'a>)> {
    program.body.iter().flat_map(exports_of).collect()
}

fn exports_of<'a>(statement: &'a Statement<'a>) -> Vec<(&'a str, Export<'a>)> {
    match statement {
        Statement::ExportDeclaration(one) => {
            declared_names(&one.declaration).into_iter().map(|name| (name, Export::Local(name))).collect()
        }
        Statement::ExportNamedDeclaration(list) if list.export_kind == ImportOrExportKind::Value => {
            let values = list.specifiers.iter().filter(|one| one.export_kind == ImportOrExportKind::Value);
            values.map(|one| (one.exported.name().as_str(), Export::Local(one.local.name().as_str()))).collect()
        }
        Statement::ExportFromDeclaration(list) if list.export_kind == ImportOrExportKind::Value => {
            let specifier = list.source.value.as_str();
            let values = list.specifiers.iter().filter(|one| one.export_kind == ImportOrExportKind::Value);
            let from = values.map(|one| {
                let name = imported_name(one.local.name().as_str());
                (one.exported.name().as_str(), Export::From { specifier, name })
            });
            from.collect()
        }
        Statement::ExportAllDeclaration(all) if all.export_kind == ImportOrExportKind::Value => {
            let specifier = all.source.value.as_str();
            let namespace = Export::From { specifier, name: ImportedName::Namespace };
            all.exported.iter().map(|name| (name.name().as_str(), namespace)).collect()
        }
        Statement::ExportDefaultDeclaration(one) => {
            let named = |id: &'a Option<BindingIdentifier<'a>>| {
                Some(id.as_ref().map_or(Export::Anonymous, |id| Export::Local(id.name.as_str())))
            };
            let export = match &one.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(function) => named(&function.id),
                ExportDefaultDeclarationKind::ClassDeclaration(class) => named(&class.id),
                declaration => declaration.as_expression().map(Export::DefaultExpression),
            };
            export.into_iter().map(|export| ("default", export)).collect()
        }
        _ => Vec::new(),
    }
}

/// Where `export *` looks, in order.
pub(crate) fn star_exports<'a>(program: &'a Program<'a>) -> impl Iterator<Item = &'a str> {
    program.body.iter().filter_map(|statement| match statement {
        Statement::ExportAllDeclaration(all)
            if all.exported.is_none() && all.export_kind == ImportOrExportKind::Value =>
        {
            Some(all.source.value.as_str())
        }
        _ => None,
    })
}
