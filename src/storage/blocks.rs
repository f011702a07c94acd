//! The index of telemetry blocks.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
};
use signaling::{CallId, ConversationId};

use super::Store;
use super::entity::{block, clean};
use super::error::{StorageError, TxError};
use super::rows::BlockRow;

/// Most blocks one read returns. At a block every 5 s from four legs, 20,000 are seven hours of a call.
pub const BLOCKS_READ_MAX: u64 = 20_000;

/// Rows in one statement: ten values each, and SQLite binds at most 32,766.
const ROWS_PER_INSERT: usize = 500;

impl Store {
    /// Adds rows to the index. A row for the same place in the same segment is there already and stays, so the tail of
    /// a log may be indexed again at any time.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn index_blocks(&self, rows: Vec<BlockRow>) -> Result<(), StorageError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.write(rows, |tx, rows| Box::pin(index(tx, rows))).await
    }

    /// Blocks of a conversation, all or those of one call, in the order in which they start; at most
    /// [`BLOCKS_READ_MAX`].
    ///
    /// # Errors
    /// As [`Store::index_blocks`].
    pub async fn blocks(
        &self,
        conversation: &ConversationId,
        call: Option<&CallId>,
    ) -> Result<Vec<BlockRow>, StorageError> {
        let mut query = block::Entity::find()
            .filter(block::Column::ConversationId.eq(clean(conversation.as_str())))
            .order_by(block::Column::T0Ms, Order::Asc)
            .order_by(block::Column::Segment, Order::Asc)
            .order_by(block::Column::Start, Order::Asc)
            .limit(BLOCKS_READ_MAX);
        if let Some(call) = call {
            query = query.filter(block::Column::CallId.eq(clean(call.as_str())));
        }
        let found = query.all(self.reader()).await?;
        found.into_iter().map(block::Model::into_row).collect()
    }
}

async fn index(tx: &DatabaseTransaction, rows: &[BlockRow]) -> Result<(), TxError> {
    for part in rows.chunks(ROWS_PER_INSERT) {
        let models = part.iter().map(model).collect::<Result<Vec<_>, _>>()?;
        block::Entity::insert_many(models.into_iter().map(IntoActiveModel::into_active_model))
            .on_conflict_do_nothing_on([block::Column::Segment, block::Column::Start])
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn model(row: &BlockRow) -> Result<block::Model, StorageError> {
    let start = i64::try_from(row.offset)
        .map_err(|_| StorageError::Backend("a segment offset is beyond the range of the database".to_owned()))?;
    Ok(block::Model {
        segment: clean(&row.segment),
        start,
        len: i64::from(row.len),
        conversation_id: clean(&row.conversation.0),
        call_id: row.call.as_ref().map(|call| clean(&call.0)),
        leg: row.leg.as_str().to_owned(),
        source: clean(&row.source),
        seq: i64::from(row.seq),
        t0_ms: row.t0_ms,
        codec: clean(&row.codec),
    })
}
