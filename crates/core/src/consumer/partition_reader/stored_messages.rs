//! The stored messages of a partition, in passes over its collection.

use bson::{Bson, RawDocumentBuf};

use super::{PATIENCE, PartitionReader};
use crate::consumer::handed_over::{MessageMark, Verdict};
use crate::consumer::position::{HistoryPosition, HistoryProgress, Position};
use crate::consumer::position_recovery;
use crate::error::{Error, Result};
use crate::feed::partition_buffer::BufferedMessage;
use crate::record::record_layout;
use crate::store::contract::HistoryRange;

impl PartitionReader {
    /// Hands over the next page of a pass, or goes on to what follows.
    pub(super) async fn read_stored(&mut self, history: HistoryPosition) -> Result<()> {
        let as_of = history.snapshot.then_some(history.until);
        let limit = self.parts.batch_size;
        let page =
            self.parts.store.read_history(&self.parts.collection, range(&history), as_of, limit).await?;
        self.parts.sign.advanced();
        if page.is_empty() {
            return self.end_stage(history).await;
        }
        for document in page {
            self.hand_over(document, &history).await?;
        }
        Ok(())
    }

    async fn end_stage(&mut self, history: HistoryPosition) -> Result<()> {
        let now = self.parts.store.cluster_time().await?;
        if matches!(history.finished, HistoryProgress::Unstamped { .. }) {
            self.position = Position::History(position_recovery::after_unstamped(&history, now));
            return Ok(());
        }
        if !history.snapshot {
            self.handed.complete_up_to(history.until);
        }
        self.position = position_recovery::after_pass(&history, &self.handed, now);
        Ok(())
    }

    async fn hand_over(&mut self, document: RawDocumentBuf, history: &HistoryPosition) -> Result<()> {
        let mark = MessageMark::of(&document);
        let verdict = self.handed.in_history(&mark, history);
        let (finished, stamp) = match &mark {
            MessageMark::Stamped(stamp) => (HistoryProgress::Stamped { after: *stamp }, *stamp),
            MessageMark::Unstamped { .. } => {
                (HistoryProgress::Unstamped { after: Some(id(&document)?) }, history.behind)
            }
        };
        let doubtful_until = self.handed.doubtful_behind(stamp);
        let after = Position::History(HistoryPosition { finished, doubtful_until, ..history.clone() });
        if let Some(recovery) = &mut self.recovery {
            recovery.note(verdict);
        }
        if verdict != Verdict::Known {
            let possible_duplicate = verdict == Verdict::Doubtful;
            let mut message = BufferedMessage { after: after.clone(), document, possible_duplicate };
            self.parts.sign.waits_for_process();
            while let Err(returned) = self.parts.buffer.push(message, PATIENCE).await {
                message = returned;
            }
            self.parts.sign.advanced();
        }
        self.handed.note_history(mark, history);
        self.position = after;
        Ok(())
    }
}

fn range(history: &HistoryPosition) -> HistoryRange {
    match &history.finished {
        HistoryProgress::Unstamped { after } => {
            HistoryRange::Unstamped { after: after.clone(), since: history.oldest_id() }
        }
        HistoryProgress::Stamped { after } => HistoryRange::Stamped { after: *after, until: history.until },
    }
}

fn id(document: &RawDocumentBuf) -> Result<Bson> {
    Bson::try_from(record_layout::decode(document)?.id)
        .map_err(|error| Error::internal("the id of a stored message cannot be read").caused_by(error))
}
