//! Doc comments, read from the source that has them.

use std::fmt::Debug;

use syn::{Attribute, Expr, Item, Lit, Meta, Variant};

/// An enum as its doc comments describe it.
pub(crate) struct EnumDocs {
    /// What it is.
    pub(crate) about: String,
    /// Name and meaning of each variant.
    pub(crate) variants: Vec<(String, String)>,
}

impl EnumDocs {
    pub(crate) fn read(source: &str, name: &str) -> Self {
        let file = syn::parse_file(source).expect("the source compiles");
        let found = file.items.into_iter().find_map(|item| match item {
            Item::Enum(item) if item.ident == name => Some(item),
            _ => None,
        });
        let found = found.expect("the enum is there");
        let variant = |variant: &Variant| (variant.ident.to_string(), doc_text(&variant.attrs));
        Self { about: doc_text(&found.attrs), variants: found.variants.iter().map(variant).collect() }
    }

    /// States that are told by several fields, and so are no enum.
    pub(crate) fn of(about: &str, variants: &[(&str, &str)]) -> Self {
        let variants = variants.iter().map(|(name, meaning)| ((*name).to_owned(), (*meaning).to_owned()));
        Self { about: about.to_owned(), variants: variants.collect() }
    }

    /// What the variant means that `Debug` shows so.
    pub(crate) fn meaning(&self, variant: &impl Debug) -> &str {
        let name = variant_name(variant);
        let found = self.variants.iter().find(|(known, _)| *known == name);
        &found.expect("it is a variant of this enum").1
    }
}

/// The variant's name of what `Debug` shows.
pub(crate) fn variant_name(value: &impl Debug) -> String {
    let shown = format!("{value:?}");
    shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// What stands at the beginning of a file.
pub(crate) fn module_docs(source: &str) -> String {
    let file = syn::parse_file(source).expect("the source compiles");
    // The word says how the code is written, which is of no interest to those who read what it does.
    doc_text(&file.attrs).replacen(" Pure.", "", 1)
}

/// Its paragraphs, each on one line.
fn doc_text(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(text) => match &text.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let text =
        lines.map(|line| if line.is_empty() { "\n\n".to_owned() } else { line + " " }).collect::<String>();
    text.split("\n\n").map(str::trim).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn reads_what_stands_before_variants_and_modules() {
    let source = "//! One.\n//! Pure.\n\n/// No.\nenum Other { A }\n\
        /// Yes.\nenum Asked {\n/// First,\n/// long.\nA(u8),\nB }";
    let docs = EnumDocs::read(source, "Asked");
    assert_eq!(docs.about, "Yes.");
    assert_eq!(docs.variants, [("A", "First, long."), ("B", "")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(docs.meaning(&format_args!("A(1)")), "First, long.");
    assert_eq!(module_docs(source), "One.");
    assert_eq!(module_docs("//! One\n//! and.\n//!\n//! Two.\n"), "One and.\n\nTwo.");
}
