//! ES modules as `CommonJS` modules. Exports are getters and imports are read where they are used, so that bindings stay
//! live and modules may import each other.

use std::fmt::Write;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{
    ExportDefaultDeclarationKind, Expression, ImportDeclaration, ImportDeclarationSpecifier,
    ModuleExportName, Program, Statement,
};
use oxc::parser::Parser;
use oxc::semantic::{Semantic, SemanticBuilder};
use oxc::span::{GetSpan, SourceType, Span};

use super::text_edits::TextEdits;
use crate::evaluation::module_names::declared_names;
use crate::source::import_resolution::is_relative;
use crate::source::node_walk::walk_nodes;

const STAR: &str = "const $STAR = (from) => {\n  for (const name of Object.keys(from)) {\n    if (name !== \"default\" && \
                    !Object.prototype.hasOwnProperty.call(exports, name)) Object.defineProperty(exports, name, { enumerable: true, get: () => from[name] });\n  \
                    }\n};\n";
const DEFAULT: &str = "const $DEFAULT = (from) => (from && from.__esModule ? from.default : from);\n";

/// The same module, to be loaded by `require`. It is JavaScript that was printed before, so it can be parsed.
pub(super) fn to_commonjs(javascript: &str) -> String {
    let arena = Allocator::default();
    let parsed = Parser::new(&arena, javascript, SourceType::mjs()).parse();
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(&parsed.program).semantic;
    let mut module = CommonJs {
        text: javascript,
        semantic,
        prefix: unused_prefix(javascript),
        edits: TextEdits::default(),
        exports: Vec::new(),
        requires: Vec::new(),
        has_star: false,
        has_default: false,
    };
    module.statements(&parsed.program);
    walk_nodes(&parsed.program, &mut |node| replace_import(node, &mut module.edits));
    module.finish()
}

/// Begins names of ours: not in the text, so nobody else's.
fn unused_prefix(text: &str) -> String {
    let mut prefix = "_csb".to_owned();
    while text.contains(&prefix) {
        prefix.push('_');
    }
    prefix
}

struct CommonJs<'t, 'a> {
    text: &'t str,
    semantic: Semantic<'a>,
    prefix: String,
    edits: TextEdits,
    /// Name and expression.
    exports: Vec<(String, String)>,
    requires: Vec<String>,
    has_star: bool,
    has_default: bool,
}

impl<'a> CommonJs<'_, 'a> {
    fn statements(&mut self, program: &Program<'a>) {
        for statement in &program.body {
            match statement {
                Statement::ImportDeclaration(import) => self.import(import),
                Statement::ExportAllDeclaration(export) => {
                    let from = self.require(export.source.value.as_str());
                    if let Some(name) = &export.exported {
                        self.exports.push((name.name().to_string(), from));
                    } else {
                        self.has_star = true;
                        self.requires.push(format!("{}star({from});", self.prefix));
                    }
                    self.edits.replace(export.span, "");
                }
                Statement::ExportFromDeclaration(export) => {
                    let from = self.require(export.source.value.as_str());
                    for one in &export.specifiers {
                        let value = self.member(&from, &one.local);
                        self.exports.push((one.exported.name().to_string(), value));
                    }
                    self.edits.replace(export.span, "");
                }
                Statement::ExportNamedDeclaration(export) => {
                    for one in &export.specifiers {
                        let local = one.local.name().to_string();
                        let value = self.imported(program, &local).unwrap_or(local);
                        self.exports.push((one.exported.name().to_string(), value));
                    }
                    self.edits.replace(export.span, "");
                }
                Statement::ExportDeclaration(export) => {
                    for name in declared_names(&export.declaration) {
                        self.exports.push((name.to_owned(), name.to_owned()));
                    }
                    self.edits.replace(Span::new(export.span.start, export.declaration.span().start), "");
                }
                Statement::ExportDefaultDeclaration(export) => {
                    self.default_export(export.span, &export.declaration);
                }
                _ => {}
            }
        }
    }

    fn import(&mut self, import: &ImportDeclaration<'a>) {
        self.edits.replace(import.span, "");
        if import.specifiers.is_none() {
            self.requires.push(format!("require({});", quoted(import.source.value.as_str())));
            return;
        }
        let from = self.require(import.source.value.as_str());
        for one in import.specifiers.iter().flatten() {
            let value = self.value_of(one, &from);
            let Some(symbol) = one.local().symbol_id.get() else { continue };
            let scoping = self.semantic.scoping();
            let nodes: Vec<_> =
                scoping.get_resolved_references(symbol).map(oxc::semantic::Reference::node_id).collect();
            for node in nodes {
                let span = self.semantic.nodes().kind(node).span();
                match self.semantic.nodes().parent_kind(node) {
                    AstKind::ExportSpecifier(_) => {}
                    AstKind::ObjectProperty(property) if property.shorthand => {
                        self.edits.replace(span, format!("{}: {value}", one.local().name));
                    }
                    // A function that is called as a method would be given the module as `this`.
                    AstKind::CallExpression(call) if call.callee.span() == span => {
                        self.edits.replace(span, format!("(0, {value})"));
                    }
                    // `new f(x)()` would be another call.
                    AstKind::NewExpression(new) if new.callee.span() == span => {
                        self.edits.replace(span, format!("({value})"));
                    }
                    AstKind::TaggedTemplateExpression(tagged) if tagged.tag.span() == span => {
                        self.edits.replace(span, format!("(0, {value})"));
                    }
                    _ => self.edits.replace(span, value.clone()),
                }
            }
        }
    }

    /// What `export { name }` gives, if the name was imported.
    fn imported(&mut self, program: &Program<'a>, name: &str) -> Option<String> {
        let mut index = 0;
        for statement in &program.body {
            let import = match statement {
                Statement::ImportDeclaration(import) if import.specifiers.is_some() => import,
                Statement::ExportAllDeclaration(_) | Statement::ExportFromDeclaration(_) => {
                    index += 1;
                    continue;
                }
                _ => continue,
            };
            if let Some(one) = import.specifiers.iter().flatten().find(|one| one.local().name == name) {
                let from = format!("{}{index}", self.prefix);
                return Some(self.value_of(one, &from));
            }
            index += 1;
        }
        None
    }

    fn value_of(&mut self, one: &ImportDeclarationSpecifier<'a>, from: &str) -> String {
        match one {
            ImportDeclarationSpecifier::ImportSpecifier(one) => self.member(from, &one.imported),
            ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => self.default_of(from),
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => from.to_owned(),
        }
    }

    fn member(&mut self, from: &str, name: &ModuleExportName<'a>) -> String {
        match name {
            ModuleExportName::StringLiteral(name) => format!("{from}[{}]", quoted(name.value.as_str())),
            name if name.name() == "default" => self.default_of(from),
            name => format!("{from}.{}", name.name()),
        }
    }

    fn default_of(&mut self, from: &str) -> String {
        self.has_default = true;
        format!("{}default({from})", self.prefix)
    }

    fn default_export(&mut self, span: Span, declaration: &ExportDefaultDeclarationKind<'a>) {
        let before = Span::new(span.start, declaration.span().start);
        let own = format!("{}exported", self.prefix);
        let name = match declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(one) => one.id.as_ref(),
            ExportDefaultDeclarationKind::ClassDeclaration(one) => one.id.as_ref(),
            _ => None,
        };
        let is_identifier = matches!(declaration.as_expression(), Some(Expression::Identifier(_)));
        if let Some(name) = name {
            self.exports.push(("default".to_owned(), name.name.to_string()));
            self.edits.replace(before, "");
        } else {
            self.exports.push(("default".to_owned(), own.clone()));
            self.edits.replace(before, format!("const {own} = "));
            if !self.text[..span.end as usize].ends_with(';') && !is_identifier {
                self.edits.insert(span.end, ";");
            }
        }
    }

    fn require(&mut self, specifier: &str) -> String {
        let count = self.requires.iter().filter(|line| line.starts_with("const ")).count();
        let name = format!("{}{count}", self.prefix);
        self.requires.push(format!("const {name} = require({});", quoted(specifier)));
        name
    }

    fn finish(self) -> String {
        let mut head =
            "\"use strict\";\nObject.defineProperty(exports, \"__esModule\", { value: true });\n".to_owned();
        for (name, value) in &self.exports {
            let name = quoted(name);
            let _ = writeln!(
                head,
                "Object.defineProperty(exports, {name}, {{ enumerable: true, get: () => {value} }});"
            );
        }
        if self.has_default {
            head += &DEFAULT.replace("$DEFAULT", &format!("{}default", self.prefix));
        }
        if self.has_star {
            head += &STAR.replace("$STAR", &format!("{}star", self.prefix));
        }
        for require in &self.requires {
            head += require;
            head.push('\n');
        }
        let body = self.edits.apply(self.text);
        let body = body.lines().skip_while(|line| line.trim().is_empty());
        body.fold(head, |text, line| text + line + "\n")
    }
}

/// `import("./a.js")` would load the other kind of module.
fn replace_import(node: AstKind<'_>, edits: &mut TextEdits) {
    if let AstKind::ImportExpression(import) = node
        && let Expression::StringLiteral(source) = &import.source
        && is_relative(source.value.as_str())
    {
        let required = format!("Promise.resolve().then(() => require({}))", quoted(source.value.as_str()));
        edits.replace(import.span, required);
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_where_they_are_used() {
        let text = to_commonjs("import { a, b as c } from \"./x.js\";\nimport d, * as e from \"p\";\nexport const z = { a, c: c() };\nexport { d, e.f };\n".replace(", e.f", "").as_str());
        assert!(text.contains("const _csb0 = require(\"./x.js\");\nconst _csb1 = require(\"p\");"), "{text}");
        assert!(text.contains("const z = { a: _csb0.a, c: (0, _csb0.b)() };"), "{text}");
        assert!(text.contains("\"d\", { enumerable: true, get: () => _csbdefault(_csb1) }"), "{text}");
    }

    #[test]
    fn exports_are_getters() {
        let text = to_commonjs(
            "export * from \"./a.js\";\nexport { b as c, default } from \"./b.js\";\nexport * as n from \"./n.js\";\nexport default { x: 1 };\nexport function f() {}\nexport class G {}\n",
        );
        for (name, value) in
            [("c", "_csb1.b"), ("n", "_csb2"), ("f", "f"), ("G", "G"), ("default", "_csbexported")]
        {
            assert!(
                text.contains(&format!("\"{name}\", {{ enumerable: true, get: () => {value} }}")),
                "{name}: {text}"
            );
        }
        assert!(
            text.contains("_csbstar(_csb0);") && text.contains("const _csbexported = { x: 1 };"),
            "{text}"
        );
        assert!(!text.contains("export ") && !text.contains("import "), "{text}");
    }
}
