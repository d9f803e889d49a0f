//! What a deployment is called, so that two clients can find out whether they reach the same one.

use std::time::Duration;

use bson::{Document, doc};

use super::connection::Connection;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};

const WHAT: &str = "identify the deployment";
/// About five seconds in all.
const TRIES: u32 = 10;
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Of a replica set its name and the process that is its primary, which names itself anew at each start. Of a sharded
/// cluster its id: each `mongos` is a process of its own.
pub(super) async fn read(connection: &Connection) -> Result<String> {
    let database = connection.client().database("admin");
    let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
    for _ in 0..TRIES {
        let hello = connection.within_deadline(WHAT, database.run_command(doc! { "hello": 1 })).await?;
        if hello.get_str("setName").is_err() {
            return of_cluster(connection).await;
        }
        if let Some(identity) = of_replica_set(&hello) {
            return Ok(identity);
        }
        // It was the primary, as far as this client knew.
        clock::sleep(backoff.next_delay(random::next_u32())).await;
    }
    Err(Error::new(ErrorCode::Unavailable, "the replica set has no primary"))
}

async fn of_cluster(connection: &Connection) -> Result<String> {
    let versions = connection.client().database("config").collection::<Document>("version");
    let version = connection.within_deadline(WHAT, versions.find_one(doc! {})).await?;
    let id = version.and_then(|version| version.get_object_id("clusterId").ok());
    let id = id.ok_or_else(|| Error::internal("the deployment has neither a primary nor a cluster id"))?;
    Ok(format!("cluster {}", id.to_hex()))
}

/// `None` if whoever says so is not the primary.
fn of_replica_set(hello: &Document) -> Option<String> {
    let name = hello.get_str("setName").ok()?;
    let process = hello.get_document("topologyVersion").ok()?.get_object_id("processId").ok()?;
    let is_primary = hello.get_bool("isWritablePrimary").unwrap_or_default();
    is_primary.then(|| format!("replica set {name}, primary {}", process.to_hex()))
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;

    use super::*;

    #[test]
    fn names_the_set_and_the_process() {
        let process = ObjectId::from_bytes([7; 12]);
        let hello = |is_primary: bool| {
            let version = doc! { "processId": process, "counter": 6_i64 };
            doc! { "setName": "rs0", "topologyVersion": version, "isWritablePrimary": is_primary }
        };
        assert_eq!(
            of_replica_set(&hello(true)).unwrap(),
            "replica set rs0, primary 070707070707070707070707"
        );
        assert_eq!(of_replica_set(&hello(false)), None, "another one may be by now");
        assert_eq!(of_replica_set(&doc! { "msg": "isdbgrid" }), None);
    }
}
