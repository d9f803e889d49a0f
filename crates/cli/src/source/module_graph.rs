//! The modules of a project, parsed when somebody asks for them: an import that nobody needs is never read.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use oxc::allocator::Allocator;
use oxc::ast::ast::Program;
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{SourceType, Span};

use super::diagnostic::Diagnostic;
use super::import_resolution::{is_relative, resolve};
use super::module_path::ModulePath;
use super::source_files::{ReadSources, SourceFiles};
use crate::evaluation::changed_constants::changed_names;
use crate::evaluation::name_index::NameIndex;

/// The package that `change-stream/` imports `defineBroker` and its siblings from.
pub(crate) const PACKAGE: &str = "@dafaz/change-stream-broker";
/// The part of it that loads nothing.
pub(crate) const DEFINE: &str = "@dafaz/change-stream-broker/define";

/// Brackets that may be open at a time.
const DEEPEST: usize = 1000;

/// One file.
pub(crate) struct Module<'a> {
    pub(crate) path: ModulePath,
    pub(crate) source: Arc<str>,
    /// `None` if it is JSON, or cannot be parsed.
    pub(crate) program: Option<&'a Program<'a>>,
    pub(crate) names: NameIndex<'a>,
    /// Names that are used and declared nowhere.
    pub(crate) unresolved: HashSet<String>,
    /// Names that stand for something that is changed after it was made.
    pub(crate) changed: HashSet<String>,
}

impl Module<'_> {
    pub(crate) fn is_json(&self) -> bool {
        self.path.has_extension("json")
    }

    /// Nothing but types, and written as such.
    pub(crate) fn is_declaration(&self) -> bool {
        [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| self.path.as_str().ends_with(ending))
    }

    pub(crate) fn source_type(&self) -> SourceType {
        source_type(&self.path)
    }
}

/// What an import leads to.
pub(crate) enum Import<'a> {
    Module(Rc<Module<'a>>),
    /// Our package.
    Broker,
    /// Any other package.
    Package,
    /// A file that is not there.
    Missing,
}

type Found<'a> = Option<Rc<Module<'a>>>;

/// All modules that were asked for.
pub(crate) struct ModuleGraph<'a> {
    arena: &'a Allocator,
    reader: &'a dyn ReadSources,
    modules: RefCell<BTreeMap<ModulePath, Rc<Module<'a>>>>,
    /// By importer and specifier.
    imports: RefCell<HashMap<(ModulePath, String), Found<'a>>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    unreadable: RefCell<Option<io::Error>>,
}

impl<'a> ModuleGraph<'a> {
    pub(crate) fn new(arena: &'a Allocator, reader: &'a dyn ReadSources) -> Self {
        Self {
            arena,
            reader,
            modules: RefCell::default(),
            imports: RefCell::default(),
            diagnostics: RefCell::default(),
            unreadable: RefCell::default(),
        }
    }

    /// A file by its path; `None` if there is none.
    pub(crate) fn module(&self, path: &ModulePath) -> Option<Rc<Module<'a>>> {
        if let Some(known) = self.modules.borrow().get(path) {
            return Some(Rc::clone(known));
        }
        let text = self.readable(self.reader.read(path))??;
        Some(self.add(path.clone(), &text))
    }

    /// What a module means by a specifier.
    pub(crate) fn import(&self, importer: &ModulePath, specifier: &str) -> Import<'a> {
        if specifier == PACKAGE || specifier == DEFINE {
            return Import::Broker;
        }
        if !is_relative(specifier) {
            return Import::Package;
        }
        match self.resolved(importer, specifier) {
            Some(module) => Import::Module(module),
            None => Import::Missing,
        }
    }

    /// Each import is looked up once.
    fn resolved(&self, importer: &ModulePath, specifier: &str) -> Found<'a> {
        let import = (importer.clone(), specifier.to_owned());
        if let Some(known) = self.imports.borrow().get(&import) {
            return known.as_ref().map(Rc::clone);
        }
        let found = self.readable(resolve(self.reader, importer, specifier)).flatten();
        let module = found.map(|(path, text)| {
            let known = self.modules.borrow().get(&path).map(Rc::clone);
            known.unwrap_or_else(|| self.add(path, &text))
        });
        self.imports.borrow_mut().insert(import, module.as_ref().map(Rc::clone));
        module
    }

    /// The module that runs where a module is imported: for a declaration file the JavaScript beside it, if there is one.
    pub(crate) fn running(&self, module: &Rc<Module<'a>>) -> Option<Rc<Module<'a>>> {
        if !module.is_declaration() {
            return Some(Rc::clone(module));
        }
        self.module(&module.path.described()?)
    }

    /// Notes a problem of a module.
    pub(crate) fn report(&self, module: &Module<'_>, problem: OxcDiagnostic) {
        self.diagnostics.borrow_mut().push(Diagnostic::new(&module.path, &module.source, problem));
    }

    /// Notes that a file is not there that has to be.
    pub(crate) fn report_absent(&self, path: &ModulePath) {
        let problem = OxcDiagnostic::error(format!("{path} does not exist"))
            .with_error_code("csbroker", "no-config")
            .with_help("`npx csbroker init` writes one to begin with");
        self.diagnostics.borrow_mut().push(Diagnostic::new(path, &Arc::from(""), problem));
    }

    /// Every file that was read, what is to be said about them, and why one could not be read.
    pub(crate) fn finish(self) -> (SourceFiles, Vec<Diagnostic>, Option<io::Error>) {
        let modules = self.modules.into_inner().into_iter();
        let sources = modules.map(|(path, module)| (path, module.source.to_string())).collect();
        (sources, self.diagnostics.into_inner(), self.unreadable.into_inner())
    }

    fn readable<T>(&self, read: io::Result<T>) -> Option<T> {
        read.map_err(|error| *self.unreadable.borrow_mut() = Some(error)).ok()
    }

    fn add(&self, path: ModulePath, text: &str) -> Rc<Module<'a>> {
        // As every tool does: the mark says nothing but how the file is encoded.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut module = Module {
            path: path.clone(),
            source: Arc::from(text),
            program: None,
            names: NameIndex::default(),
            unresolved: HashSet::new(),
            changed: HashSet::new(),
        };
        if !module.is_json() {
            self.parse(&mut module);
        }
        let module = Rc::new(module);
        self.modules.borrow_mut().insert(path, Rc::clone(&module));
        module
    }

    fn parse(&self, module: &mut Module<'a>) {
        if let Some(place) = too_deep(&module.source) {
            let problem = OxcDiagnostic::error(format!("brackets are nested more than {DEEPEST} times"))
                .with_error_code("csbroker", "too-deep")
                .with_label(Span::new(place, place));
            return self.report(module, problem);
        }
        let text = self.arena.alloc_str(&module.source);
        let parsed = Parser::new(self.arena, text, module.source_type()).parse();
        let mut problems: Vec<_> = parsed.diagnostics.into_vec().into_iter().filter(is_error).collect();
        let program: &'a Program<'a> = self.arena.alloc(parsed.program);
        if problems.is_empty() && !parsed.panicked {
            let semantic = SemanticBuilder::new().with_check_syntax_error(true).build(program);
            problems.extend(semantic.diagnostics.into_vec().into_iter().filter(is_error));
            let unresolved = semantic.semantic.scoping().root_unresolved_references().keys();
            module.unresolved = unresolved.map(ToString::to_string).collect();
            module.names = NameIndex::of(program);
            module.changed = changed_names(program);
            module.program = Some(program);
        }
        for problem in problems {
            self.report(module, problem);
        }
    }
}

/// Where the text has more open brackets than anybody writes. Those within strings count as well, which does not matter.
fn too_deep(text: &str) -> Option<u32> {
    let mut depth = 0_usize;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(u32::try_from(place).unwrap_or_default());
        }
    }
    None
}

fn is_error(problem: &OxcDiagnostic) -> bool {
    problem.severity == Severity::Error
}

fn source_type(path: &ModulePath) -> SourceType {
    // Also what has another extension is read as TypeScript, of which JavaScript is a part.
    SourceType::from_path(path.as_str()).unwrap_or_else(|_| SourceType::ts()).with_module(true)
}
