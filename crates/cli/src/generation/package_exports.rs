//! The `exports` of a package.json, which mean something by their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Files, by subpath and by condition. The same form, without conditions, has `bin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PackageExports {
    /// A file, from the package's folder: `./index.js`.
    File(String),
    /// The first that fits counts.
    Choice(Vec<(String, PackageExports)>),
    /// The first that is valid counts.
    Fallbacks(Vec<PackageExports>),
    /// Not to be had.
    Nothing,
}

impl PackageExports {
    /// All files that are named, with `*` in them if they stand for many.
    pub(super) fn files(&self) -> Vec<&str> {
        match self {
            Self::File(file) => vec![file],
            Self::Choice(choices) => choices.iter().flat_map(|(_, exports)| exports.files()).collect(),
            Self::Fallbacks(fallbacks) => fallbacks.iter().flat_map(Self::files).collect(),
            Self::Nothing => Vec::new(),
        }
    }
}

impl Serialize for PackageExports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File(file) => serializer.serialize_str(file),
            Self::Choice(choices) => {
                let mut map = serializer.serialize_map(Some(choices.len()))?;
                for (name, exports) in choices {
                    map.serialize_entry(name, exports)?;
                }
                map.end()
            }
            Self::Fallbacks(fallbacks) => fallbacks.serialize(serializer),
            Self::Nothing => serializer.serialize_unit(),
        }
    }
}

impl<'de> Deserialize<'de> for PackageExports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExportsVisitor)
    }
}

struct ExportsVisitor;

impl<'de> Visitor<'de> for ExportsVisitor {
    type Value = PackageExports;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a file, or an object of files")
    }

    fn visit_str<E: Error>(self, file: &str) -> Result<Self::Value, E> {
        Ok(PackageExports::File(file.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(PackageExports::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut choices = Vec::new();
        while let Some(choice) = map.next_entry()? {
            choices.push(choice);
        }
        Ok(PackageExports::Choice(choices))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut fallbacks = Vec::new();
        while let Some(fallback) = sequence.next_element()? {
            fallbacks.push(fallback);
        }
        Ok(PackageExports::Fallbacks(fallbacks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        let json = r#"{".":{"types":"./i.d.ts","default":"./i.js"},"./a":["./a.mjs","./a.js"],"./b/*":null}"#;
        let exports: PackageExports = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&exports).unwrap(), json);
        assert_eq!(exports.files(), ["./i.d.ts", "./i.js", "./a.mjs", "./a.js"]);
        assert!(serde_json::from_str::<PackageExports>("1").is_err());
    }
}
