//! Orders to a member: one word a line on standard input.

use std::io;
use std::os::fd::AsFd;
use std::process;

use csb_core::observe::log::Logger;
use csb_core::runtime::task_group::TaskGroup;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// The code with which a member ends that was left alone.
const ABANDONED: i32 = 3;

/// What a member can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Close everything and end.
    Close,
    /// Hand out no more messages.
    Pause,
    /// Go on.
    Resume,
}

impl Order {
    /// The line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    fn parse(line: &str) -> Option<Self> {
        [Self::Close, Self::Pause, Self::Resume].into_iter().find(|order| order.as_str() == line)
    }
}

/// Orders as they come. The process ends when whoever gives them has gone, or gives one that it does not know.
pub(super) fn from_standard_input() -> Result<mpsc::UnboundedReceiver<Order>, String> {
    let unusable = |error: io::Error| format!("standard input has to be a pipe: {error}");
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(unusable)?;
    let mut lines = BufReader::new(pipe::Receiver::from_owned_fd(input).map_err(unusable)?).lines();
    let (sender, orders) = mpsc::unbounded_channel();
    TaskGroup::new(Logger::silent()).spawn("orders", async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let Some(order) = Order::parse(&line) else { break };
            // A member that is closing listens no more.
            let _ = sender.send(order);
        }
        process::exit(ABANDONED);
    });
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn come_back_as_they_were() {
        for order in [Order::Close, Order::Pause, Order::Resume] {
            assert_eq!(Order::parse(order.as_str()), Some(order));
        }
        assert_eq!(Order::parse("stop"), None);
    }
}
