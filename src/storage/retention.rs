//! What is forgotten with time: samples after a month, diagnoses after a year and a month. Pinned tickets keep everything.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use signaling::ConversationId;

use super::Store;
use super::entity::{block, clean, conversation, last_diagnosis};
use super::error::{StorageError, TxError};

/// Segments told at once; the rest has its turn at the next look.
const SEGMENTS_AT_ONCE: u64 = 100;

impl Store {
    /// Pins a ticket, so that its samples and diagnosis stay, or lets it go.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn pin(&self, conversation: &ConversationId, pinned: bool) -> Result<(), StorageError> {
        self.write((conversation.clone(), pinned), |tx, (id, pinned)| Box::pin(pin(tx, id, *pinned))).await
    }

    /// Segments in which everything is older than `before_ms` and nothing is a pinned ticket's.
    ///
    /// # Errors
    /// As [`Store::pin`].
    pub async fn expired_segments(&self, before_ms: i64) -> Result<Vec<String>, StorageError> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits")]
        let before_ms = before_ms as f64;
        let pinned = Query::select()
            .column(conversation::Column::Id)
            .from(conversation::Entity)
            .and_where(Expr::col(conversation::Column::Pinned).eq(true))
            .to_owned();
        let kept = Query::select()
            .column(block::Column::Segment)
            .from(block::Entity)
            .and_where(block::Column::ConversationId.in_subquery(pinned))
            .to_owned();
        let found = block::Entity::find()
            .select_only()
            .column(block::Column::Segment)
            .filter(block::Column::Segment.not_in_subquery(kept))
            .group_by(block::Column::Segment)
            .having(Expr::col(block::Column::T0Ms).max().lt(before_ms))
            .limit(SEGMENTS_AT_ONCE)
            .into_tuple()
            .all(self.reader())
            .await?;
        Ok(found)
    }

    /// Removes a segment from the index.
    ///
    /// # Errors
    /// As [`Store::pin`].
    pub async fn forget_segment(&self, segment: &str) -> Result<(), StorageError> {
        self.write(segment.to_owned(), |tx, segment| Box::pin(forget_segment(tx, segment))).await
    }

    /// Removes diagnoses that were kept before `before_ms`, but for pinned tickets.
    ///
    /// # Errors
    /// As [`Store::pin`].
    pub async fn forget_diagnoses(&self, before_ms: i64) -> Result<u64, StorageError> {
        self.write(before_ms, |tx, before_ms| Box::pin(forget_diagnoses(tx, *before_ms))).await
    }
}

async fn pin(tx: &DatabaseTransaction, id: &ConversationId, pinned: bool) -> Result<(), TxError> {
    conversation::Entity::update_many()
        .col_expr(conversation::Column::Pinned, Expr::value(pinned))
        .filter(conversation::Column::Id.eq(clean(id.as_str())))
        .exec(tx)
        .await?;
    Ok(())
}

async fn forget_segment(tx: &DatabaseTransaction, segment: &str) -> Result<(), TxError> {
    block::Entity::delete_many().filter(block::Column::Segment.eq(clean(segment))).exec(tx).await?;
    Ok(())
}

async fn forget_diagnoses(tx: &DatabaseTransaction, before_ms: i64) -> Result<u64, TxError> {
    let pinned = Query::select()
        .column(conversation::Column::Id)
        .from(conversation::Entity)
        .and_where(Expr::col(conversation::Column::Pinned).eq(true))
        .to_owned();
    let gone = last_diagnosis::Entity::delete_many()
        .filter(last_diagnosis::Column::AtMs.lt(before_ms))
        .filter(last_diagnosis::Column::ConversationId.not_in_subquery(pinned))
        .exec(tx)
        .await?;
    Ok(gone.rows_affected)
}
