//! Closing a client of the driver, which has no deadline of its own.

use std::future::IntoFuture;
use std::time::Duration;

use csb_core::runtime::clock;
use mongodb::Client;

const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// Closes the client. What is left after a while ends with the process.
pub async fn close(client: Client) {
    let _ = clock::timeout(CLOSES_WITHIN, client.shutdown().immediate(true).into_future()).await;
}
