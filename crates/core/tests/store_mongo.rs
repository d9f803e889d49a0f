//! The MongoDB store does what every store has to do, on a real server.
#![expect(clippy::expect_used, reason = "what fails in a fixture has to fail the test")]

use std::sync::Arc;
use std::time::Duration;

use csb_core::store::contract::Store;
use csb_core::store::mongo::{MongoSettings, MongoStore};
use csb_test_support::replica_set::ReplicaSet;
use csb_test_support::store_conformance::StoreFixture;

struct OnReplicaSet {
    store: Arc<MongoStore>,
    database: String,
}

impl StoreFixture for OnReplicaSet {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<MongoStore>::clone(&self.store)
    }

    async fn tear_down(self) {
        self.store.close().await;
        ReplicaSet::shared().await.drop_database(&self.database).await;
    }
}

async fn on_replica_set() -> OnReplicaSet {
    let server = ReplicaSet::shared().await;
    let settings = MongoSettings {
        uri: server.uri().to_owned(),
        database: server.unique_database(),
        app_name: "csb-store-conformance".into(),
        operation_timeout: Duration::from_secs(30),
    };
    let store = MongoStore::open(&settings).await.expect("a valid connection string");
    store.connect().await.expect("connects");
    OnReplicaSet { store, database: settings.database }
}

csb_test_support::store_conformance!(on_replica_set);
