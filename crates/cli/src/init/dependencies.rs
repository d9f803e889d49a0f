//! What package.json depends on.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The parts of package.json that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PackageJson {
    #[serde(rename = "type")]
    module_type: Option<String>,
    dependencies: BTreeMap<String, serde_json::Value>,
    optional_dependencies: BTreeMap<String, serde_json::Value>,
    peer_dependencies: BTreeMap<String, serde_json::Value>,
    dev_dependencies: BTreeMap<String, serde_json::Value>,
}

/// How a package is depended on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// It is there in production.
    Production,
    /// It is there in development only.
    Development,
    Missing,
}

impl PackageJson {
    /// `None` if the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // By way of an object, because a list of the right values would do, too.
        let package: serde_json::Map<_, _> =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        serde_json::from_value(package.into()).ok()
    }

    /// Whether its `.js` files are ES modules.
    pub(crate) fn is_module(&self) -> bool {
        self.module_type.as_deref() == Some("module")
    }

    /// How it depends on a package.
    pub(crate) fn dependency(&self, name: &str) -> Dependency {
        let production = [&self.dependencies, &self.optional_dependencies, &self.peer_dependencies];
        if production.iter().any(|dependencies| dependencies.contains_key(name)) {
            Dependency::Production
        } else if self.dev_dependencies.contains_key(name) {
            Dependency::Development
        } else {
            Dependency::Missing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_is_not_production() {
        let package =
            r#"{"type": "module", "dependencies": {"a": "1"}, "devDependencies": {"a": "1", "b": "1"}}"#;
        let package = PackageJson::parse(package).unwrap();
        assert!(package.is_module());
        assert_eq!(package.dependency("a"), Dependency::Production);
        assert_eq!(package.dependency("b"), Dependency::Development);
        assert_eq!(package.dependency("c"), Dependency::Missing);
        assert!(PackageJson::parse("{").is_none() && PackageJson::parse("[]").is_none());
    }
}
