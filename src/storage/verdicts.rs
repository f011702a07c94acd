//! Verdicts on conversations: the newest in short, the last diagnosis of a resolved ticket, and the agents' word.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde_json::Value;
use signaling::ConversationId;
use signaling::verdict::{Accuracy, Cause, CauseAccuracy, VerdictBrief, VerdictWord};

use super::Store;
use super::entity::{
    clean, conversation, from_json, from_word, last_diagnosis, narrow, to_json, to_word, verdict_word,
};
use super::error::{StorageError, TxError};

impl Store {
    /// Keeps the newest verdict of a conversation.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn set_verdict(&self, conversation: &ConversationId, brief: &VerdictBrief) -> Result<(), StorageError> {
        let args = (conversation.clone(), to_json(brief)?);
        self.write(args, |tx, (id, brief)| Box::pin(set_verdict(tx, id, brief))).await
    }

    /// Keeps the diagnosis of a resolved ticket, in place of an earlier one.
    ///
    /// # Errors
    /// As [`Store::set_verdict`].
    pub async fn keep_diagnosis(
        &self,
        conversation: &ConversationId,
        diagnosis: &Value,
        at_ms: i64,
    ) -> Result<(), StorageError> {
        let row = last_diagnosis::Model {
            conversation_id: clean(conversation.as_str()),
            diagnosis: to_json(diagnosis)?,
            at_ms,
        };
        self.write(row, |tx, row| Box::pin(keep_diagnosis(tx, row))).await
    }

    /// The diagnosis that was kept when the ticket was resolved.
    ///
    /// # Errors
    /// As [`Store::set_verdict`].
    pub async fn kept_diagnosis(&self, conversation: &ConversationId) -> Result<Option<Value>, StorageError> {
        let found = last_diagnosis::Entity::find_by_id(clean(conversation.as_str())).one(self.reader()).await?;
        found.map(|row| from_json("last_diagnosis.diagnosis", &row.diagnosis)).transpose()
    }

    /// Keeps an agent's word about a verdict, in place of an earlier one.
    ///
    /// # Errors
    /// As [`Store::set_verdict`].
    pub async fn set_word(&self, conversation: &ConversationId, word: &VerdictWord) -> Result<(), StorageError> {
        let row = verdict_word::Model {
            conversation_id: clean(conversation.as_str()),
            said: to_word(&word.said)?,
            correct: word.right,
            cause: word.cause.as_ref().map(to_word).transpose()?,
            note: clean(&word.note),
            by_name: clean(&word.by),
            at_ms: word.at_ms,
        };
        self.write(row, |tx, row| Box::pin(set_word(tx, row))).await
    }

    /// The agent's word about a conversation's verdict.
    ///
    /// # Errors
    /// As [`Store::set_verdict`].
    pub async fn word(&self, conversation: &ConversationId) -> Result<Option<VerdictWord>, StorageError> {
        let found = verdict_word::Entity::find_by_id(clean(conversation.as_str())).one(self.reader()).await?;
        found.map(verdict_word::Model::into_word).transpose()
    }

    /// How often the verdicts were right, by the agents' word.
    ///
    /// # Errors
    /// As [`Store::set_verdict`].
    pub async fn accuracy(&self) -> Result<Accuracy, StorageError> {
        let counted: Vec<(String, bool, Option<String>, i64)> = verdict_word::Entity::find()
            .select_only()
            .column(verdict_word::Column::Said)
            .column(verdict_word::Column::Correct)
            .column(verdict_word::Column::Cause)
            .column_as(Expr::col(verdict_word::Column::ConversationId).count(), "words")
            .group_by(verdict_word::Column::Said)
            .group_by(verdict_word::Column::Correct)
            .group_by(verdict_word::Column::Cause)
            .into_tuple()
            .all(self.reader())
            .await?;
        let blank = |cause: &Cause| CauseAccuracy { cause: *cause, said: 0, right: 0, was: 0 };
        let mut accuracy = Accuracy { causes: Cause::ALL.iter().map(blank).collect(), judged: 0 };
        for (said, right, cause, words) in counted {
            let said: Cause = from_word("verdict_word.said", &said)?;
            let corrected: Option<Cause> =
                cause.as_deref().map(|cause| from_word("verdict_word.cause", cause)).transpose()?;
            let words: u32 = narrow("verdict_word", words)?;
            accuracy.judged += words;
            for row in &mut accuracy.causes {
                if row.cause == said {
                    row.said += words;
                    row.right += if right { words } else { 0 };
                }
                let was = if right { Some(said) } else { corrected };
                row.was += if was == Some(row.cause) { words } else { 0 };
            }
        }
        Ok(accuracy)
    }
}

async fn set_verdict(tx: &DatabaseTransaction, id: &ConversationId, brief: &str) -> Result<(), TxError> {
    conversation::Entity::update_many()
        .col_expr(conversation::Column::Verdict, Expr::value(brief))
        .filter(conversation::Column::Id.eq(clean(id.as_str())))
        .exec(tx)
        .await?;
    Ok(())
}

async fn keep_diagnosis(tx: &DatabaseTransaction, row: &last_diagnosis::Model) -> Result<(), TxError> {
    use last_diagnosis::Column;
    let again = OnConflict::column(Column::ConversationId).update_columns([Column::Diagnosis, Column::AtMs]).to_owned();
    last_diagnosis::Entity::insert(row.clone().into_active_model())
        .on_conflict(again)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

async fn set_word(tx: &DatabaseTransaction, row: &verdict_word::Model) -> Result<(), TxError> {
    use verdict_word::Column;
    let columns = [Column::Said, Column::Correct, Column::Cause, Column::Note, Column::ByName, Column::AtMs];
    let again = OnConflict::column(Column::ConversationId).update_columns(columns).to_owned();
    verdict_word::Entity::insert(row.clone().into_active_model()).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}
