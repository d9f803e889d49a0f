//! The embedded store does what every store has to do.
#![expect(clippy::expect_used, reason = "what fails in a fixture has to fail the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csb_core::store::contract::Store;
use csb_core::store::memory::MemoryStore;
use csb_test_support::store_conformance::StoreFixture;

struct Embedded(Arc<MemoryStore>);

impl StoreFixture for Embedded {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<MemoryStore>::clone(&self.0)
    }

    async fn tear_down(self) {
        self.0.close().await;
    }
}

async fn embedded() -> Embedded {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let database = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    let store = MemoryStore::open("conformance", &database);
    store.connect().await.expect("connects");
    Embedded(store)
}

csb_test_support::store_conformance!(embedded);
