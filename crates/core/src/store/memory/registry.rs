//! Which brokers of this process share their data: those with the same name and database.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::database::Database;

type DatabaseKey = (String, String);

/// Weak, so that the data ends with the last handle.
static DATABASES: LazyLock<Mutex<HashMap<DatabaseKey, Weak<Database>>>> = LazyLock::new(Mutex::default);

/// The shared database, made if nobody uses it now.
pub(super) fn open(name: &str, database: &str) -> Arc<Database> {
    let mut databases = DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (name.to_owned(), database.to_owned());
    if let Some(shared) = databases.get(&key).and_then(Weak::upgrade) {
        return shared;
    }
    databases.retain(|_, shared| shared.strong_count() > 0);
    let created = Arc::new(Database::new());
    databases.insert(key, Arc::downgrade(&created));
    created
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_and_database_share_until_the_last_is_gone() {
        let first = open("registry", "a");
        assert!(Arc::ptr_eq(&first, &open("registry", "a")));
        assert!(!Arc::ptr_eq(&first, &open("registry", "b")));
        first.state().collection("c");
        drop(first);
        assert!(open("registry", "a").state().stats(0).is_empty());
    }
}
