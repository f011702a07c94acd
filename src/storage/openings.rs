//! New conversations, many in one go: a crowd at the door costs a few statements, not a few each.
//!
//! Whoever opens a conversation queues it here. One task takes what is queued, up to [`OPENINGS_AT_ONCE`], and hands it to
//! the writer as one job; meanwhile the next ones gather. SQLite alone: each statement there is a turn to the thread of
//! its connection and back, which is most of what an opening costs.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::entity::{conversation, entry};
use super::error::{StorageError, TxError};
use super::rows::{Appended, NewConversation, NewEntry};
use super::writer::{Lane, Writer};
use super::{WRITES_QUEUED_MAX, timeline};

/// Conversations opened by one job. Who is in a conversation may wait for it: two or three milliseconds.
const OPENINGS_AT_ONCE: usize = 24;

type Opening = (NewConversation, NewEntry);
type Answer = oneshot::Sender<Result<Appended, StorageError>>;
type Queue = mpsc::Sender<(Opening, Answer)>;

/// The door of a SQLite file's writer.
pub(super) struct Openings {
    /// Taken when the door closes.
    queue: Mutex<Option<Queue>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Openings {
    /// Starts the task.
    pub(super) fn start(writer: Arc<Writer>) -> Self {
        let (queue, queued) = mpsc::channel(WRITES_QUEUED_MAX);
        let task = tokio::spawn(open_queued(queued, writer));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
    }

    /// Opens a conversation; returns after its commit.
    ///
    /// # Errors
    /// [`StorageError::Busy`] when too many are queued; what [`timeline::open`] and the commit say.
    pub(super) async fn open(&self, new: NewConversation, first: NewEntry) -> Result<Appended, StorageError> {
        let (answer, answered) = oneshot::channel();
        self.put(((new, first), answer))?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    fn put(&self, opening: (Opening, Answer)) -> Result<(), StorageError> {
        let queue = lock(&self.queue);
        queue.as_ref().ok_or_else(closed)?.try_send(opening).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StorageError::Busy,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    /// Opens what is queued and ends the task. The writer must be open still.
    pub(super) async fn close(&self) {
        drop(lock(&self.queue).take());
        let task = lock(&self.task).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task that opens conversations ended badly");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}

async fn open_queued(mut queued: mpsc::Receiver<(Opening, Answer)>, writer: Arc<Writer>) {
    let mut batch = Vec::with_capacity(OPENINGS_AT_ONCE);
    while queued.recv_many(&mut batch, OPENINGS_AT_ONCE).await > 0 {
        let (openings, answers): (Vec<Opening>, Vec<Answer>) = batch.drain(..).unzip();
        let opened = writer.write(Lane::Patient, openings, |tx, openings| Box::pin(open_all(tx, openings))).await;
        let outcomes = opened.unwrap_or_else(|error| answers.iter().map(|_| Err(error.clone())).collect());
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who asked may have gone away; the commit stands all the same.
            let _ = answer.send(outcome);
        }
    }
}

/// One outcome for each opening, in their order.
type Outcomes = Vec<Result<Appended, StorageError>>;

/// Opens conversations: together as far as they are new, else one by one.
async fn open_all(tx: &DatabaseTransaction, openings: &[Opening]) -> Result<Outcomes, TxError> {
    if openings.len() > 1 {
        let savepoint = tx.begin().await?;
        match open_together(&savepoint, openings).await {
            Ok(Some(opened)) => {
                savepoint.commit().await?;
                return Ok(opened.into_iter().map(Ok).collect());
            }
            // One of them spoils it for all; the slow way tells which.
            Ok(None) | Err(_) => savepoint.rollback().await?,
        }
    }
    let mut outcomes = Vec::with_capacity(openings.len());
    for (new, first) in openings {
        let savepoint = tx.begin().await?;
        outcomes.push(match timeline::open(&savepoint, new, first).await {
            Ok(opened) => {
                savepoint.commit().await?;
                Ok(opened)
            }
            Err(error) => {
                savepoint.rollback().await?;
                Err(error.into())
            }
        });
    }
    Ok(outcomes)
}

/// Opens conversations by a statement for each table. `None` when one of the keys has a conversation already.
async fn open_together(tx: &DatabaseTransaction, openings: &[Opening]) -> Result<Option<Vec<Appended>>, TxError> {
    let keys: HashSet<&[u8; 32]> = openings.iter().map(|(new, _)| &new.key_hash).collect();
    if keys.len() < openings.len() {
        return Ok(None);
    }
    let known: Option<i64> = conversation::Entity::find()
        .select_only()
        .column(conversation::Column::Ticket)
        .filter(conversation::Column::KeyHash.is_in(keys.iter().map(|key| key.to_vec())))
        .into_tuple()
        .one(tx)
        .await?;
    if known.is_some() {
        return Ok(None);
    }
    let count = i64::try_from(openings.len()).unwrap_or(i64::MAX);
    let last_ticket = timeline::take_tickets(tx, count).await?;
    let (mut conversations, mut entries, mut opened) = (Vec::new(), Vec::new(), Vec::new());
    for ((new, first), ticket) in openings.iter().zip(last_ticket - count + 1..) {
        let (row, written) = timeline::opened(new, ticket, first)?;
        opened.push(Appended {
            conversation: row.clone().into_row()?,
            entries: vec![written.clone().into_entry()?],
            duplicate: false,
        });
        conversations.push(row.into_active_model());
        entries.push(written.into_active_model());
    }
    conversation::Entity::insert_many(conversations).exec_without_returning(tx).await?;
    entry::Entity::insert_many(entries).exec_without_returning(tx).await?;
    Ok(Some(opened))
}
