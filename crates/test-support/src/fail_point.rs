//! Makes a server fail chosen commands of chosen clients.

use bson::{Document, doc};
use mongodb::Client;

use crate::client_close;

/// What a command meets.
#[derive(Debug, Clone, Copy)]
pub enum Failure {
    /// It is refused with this code, before it does anything.
    Code(i32),
    /// Its connection is closed, before it does anything.
    ConnectionClosed,
    /// It waits for two minutes before it does anything, whoever has asked.
    Hangs,
    /// It is done, but answered with this write concern error.
    WriteConcern(i32),
}

/// A fail point that is on. Call [`FailPoint::off`]; the server's end ends it too.
pub struct FailPoint {
    client: Client,
}

impl FailPoint {
    /// Lets the next `times` commands with these names, from clients with this `appName`, fail.
    pub async fn on(uri: &str, app_name: &str, commands: &[&str], times: i32, failure: Failure) -> Self {
        let client = Client::with_uri_str(uri).await.expect("a valid connection string");
        let mut data = doc! { "failCommands": commands, "appName": app_name };
        data.extend(match failure {
            Failure::Code(code) => doc! { "errorCode": code },
            Failure::ConnectionClosed => doc! { "closeConnection": true },
            Failure::Hangs => doc! { "blockConnection": true, "blockTimeMS": 120_000 },
            Failure::WriteConcern(code) => {
                doc! { "writeConcernError": { "code": code, "errmsg": "fail point" } }
            }
        });
        let point = Self { client };
        point.configure(doc! { "times": times }, Some(data)).await;
        point
    }

    /// Turns it off. Returns how many commands have met it.
    pub async fn off(self) -> i64 {
        let count = self.configure("off", None).await;
        client_close::close(self.client).await;
        count
    }

    async fn configure(&self, mode: impl Into<bson::Bson>, data: Option<Document>) -> i64 {
        let mut command = doc! { "configureFailPoint": "failCommand", "mode": mode.into() };
        if let Some(data) = data {
            command.insert("data", data);
        }
        let answer = self.client.database("admin").run_command(command).await.expect("test commands are on");
        let count = answer.get("count").cloned().unwrap_or(bson::Bson::Int64(0));
        count.as_i64().or_else(|| count.as_i32().map(i64::from)).unwrap_or_default()
    }
}
