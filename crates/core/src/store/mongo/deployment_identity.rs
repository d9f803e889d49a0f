//! What a deployment is called, so that two clients can find out whether they reach the same one.

use bson::{Document, doc};

use super::connection::Connection;
use crate::error::{Error, Result};

/// Of a replica set its name and the process that is its primary, which names itself anew at each start. Of a sharded
/// cluster its id: each `mongos` is a process of its own.
pub(super) async fn read(connection: &Connection) -> Result<String> {
    const WHAT: &str = "identify the deployment";
    let database = connection.client().database("admin");
    let hello = connection.within_deadline(WHAT, database.run_command(doc! { "hello": 1 })).await?;
    if let Some(identity) = of_replica_set(&hello) {
        return Ok(identity);
    }
    let versions = connection.client().database("config").collection::<Document>("version");
    let version = connection.within_deadline(WHAT, versions.find_one(doc! {})).await?;
    let id = version.and_then(|version| version.get_object_id("clusterId").ok());
    let id = id.ok_or_else(|| Error::internal("the deployment has neither a primary nor a cluster id"))?;
    Ok(format!("cluster {}", id.to_hex()))
}

fn of_replica_set(hello: &Document) -> Option<String> {
    let name = hello.get_str("setName").ok()?;
    let process = hello.get_document("topologyVersion").ok()?.get_object_id("processId").ok()?;
    Some(format!("replica set {name}, primary {}", process.to_hex()))
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;

    use super::*;

    #[test]
    fn names_the_set_and_the_process() {
        let process = ObjectId::from_bytes([7; 12]);
        let hello = doc! { "setName": "rs0", "topologyVersion": { "processId": process, "counter": 6_i64 } };
        assert_eq!(of_replica_set(&hello).unwrap(), "replica set rs0, primary 070707070707070707070707");
        assert_eq!(of_replica_set(&doc! { "msg": "isdbgrid" }), None);
    }
}
