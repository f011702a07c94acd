//! People of the desk, their sessions, and settings.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel,
    Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use signaling::UserId;

use super::entity::{clean, session, setting, to_word, user};
use super::error::{StorageError, TxError};
use super::rows::{NewUser, UserRow};
use super::{LIST_ROWS_MAX, Store};

impl Store {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the login or the id is used; [`StorageError::Busy`],
    /// [`StorageError::Unavailable`], [`StorageError::Backend`].
    pub async fn add_user(&self, new: NewUser) -> Result<(), StorageError> {
        self.write(new, |tx, new| Box::pin(add_user(tx, new))).await
    }

    /// Replaces a user's password hash and ends all sessions of that user.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a login; else as [`Store::add_user`].
    pub async fn set_password(&self, login: &str, password_hash: &str) -> Result<(), StorageError> {
        self.write((login.to_owned(), password_hash.to_owned()), |tx, (login, hash)| {
            Box::pin(set_password(tx, login, hash))
        })
        .await
    }

    /// The user with this login.
    ///
    /// # Errors
    /// [`StorageError::Busy`], [`StorageError::Unavailable`], [`StorageError::Backend`]; so for all reads below.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<UserRow>, StorageError> {
        let found = user::Entity::find().filter(user::Column::Login.eq(clean(login))).one(self.reader()).await?;
        found.map(user::Model::into_row).transpose()
    }

    /// The user with this id.
    ///
    /// # Errors
    /// As [`Store::user_by_login`].
    pub async fn user(&self, id: &UserId) -> Result<Option<UserRow>, StorageError> {
        let found = user::Entity::find_by_id(clean(id.as_str())).one(self.reader()).await?;
        found.map(user::Model::into_row).transpose()
    }

    /// All users, by login.
    ///
    /// # Errors
    /// As [`Store::user_by_login`].
    pub async fn users(&self) -> Result<Vec<UserRow>, StorageError> {
        let found = user::Entity::find()
            .order_by(user::Column::Login, Order::Asc)
            .limit(LIST_ROWS_MAX)
            .all(self.reader())
            .await?;
        found.into_iter().map(user::Model::into_row).collect()
    }

    /// How many users there are.
    ///
    /// # Errors
    /// As [`Store::user_by_login`].
    pub async fn user_count(&self) -> Result<u64, StorageError> {
        Ok(user::Entity::find().count(self.reader()).await?)
    }

    /// Remembers a session by the SHA-256 of its token.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without such a user, [`StorageError::Conflict`] when the token is in use; else as
    /// [`Store::add_user`].
    pub async fn add_session(
        &self,
        token_hash: [u8; 32],
        user: &UserId,
        expires_at_ms: i64,
    ) -> Result<(), StorageError> {
        self.write((token_hash, user.clone(), expires_at_ms), |tx, (token_hash, user, expires_at_ms)| {
            Box::pin(add_session(tx, token_hash, user, *expires_at_ms))
        })
        .await
    }

    /// The user of a session that has not expired at `now_ms`.
    ///
    /// # Errors
    /// As [`Store::user_by_login`].
    pub async fn session(&self, token_hash: &[u8; 32], now_ms: i64) -> Result<Option<UserRow>, StorageError> {
        let found = session::Entity::find_by_id(token_hash.to_vec())
            .filter(session::Column::ExpiresAtMs.gt(now_ms))
            .one(self.reader())
            .await?;
        match found {
            Some(session) => self.user(&UserId(session.user_id)).await,
            None => Ok(None),
        }
    }

    /// Ends a session; one that does not exist is no error.
    ///
    /// # Errors
    /// As [`Store::add_user`].
    pub async fn delete_session(&self, token_hash: &[u8; 32]) -> Result<(), StorageError> {
        self.write(*token_hash, |tx, token_hash| {
            Box::pin(async move {
                session::Entity::delete_by_id(token_hash.to_vec()).exec(tx).await?;
                Ok(())
            })
        })
        .await
    }

    /// Forgets sessions that have expired at `now_ms`; says how many.
    ///
    /// # Errors
    /// As [`Store::add_user`].
    pub async fn purge_sessions(&self, now_ms: i64) -> Result<u64, StorageError> {
        self.write(now_ms, |tx, now_ms| {
            Box::pin(async move {
                let gone =
                    session::Entity::delete_many().filter(session::Column::ExpiresAtMs.lte(*now_ms)).exec(tx).await?;
                Ok(gone.rows_affected)
            })
        })
        .await
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// As [`Store::user_by_login`].
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StorageError> {
        Ok(setting::Entity::find_by_id(clean(name)).one(self.reader()).await?.map(|found| found.value))
    }

    /// Stores a setting unless it has a value, and returns the value that holds: with several nodes starting at once
    /// all get the same.
    ///
    /// # Errors
    /// As [`Store::add_user`].
    pub async fn put_setting_if_absent(&self, name: &str, value: &str) -> Result<String, StorageError> {
        self.write((name.to_owned(), value.to_owned()), |tx, (name, value)| Box::pin(put_if_absent(tx, name, value)))
            .await
    }

    /// Stores a setting, whatever it was.
    ///
    /// # Errors
    /// As [`Store::add_user`].
    pub async fn put_setting(&self, name: &str, value: &str) -> Result<(), StorageError> {
        self.write((name.to_owned(), value.to_owned()), |tx, (name, value)| Box::pin(put(tx, name, value))).await
    }
}

async fn add_user(tx: &DatabaseTransaction, new: &NewUser) -> Result<(), TxError> {
    let same =
        Condition::any().add(user::Column::Login.eq(clean(&new.login))).add(user::Column::Id.eq(clean(&new.id.0)));
    if user::Entity::find().filter(same).one(tx).await?.is_some() {
        return Err(StorageError::Conflict.into());
    }
    let model = user::Model {
        id: clean(&new.id.0),
        login: clean(&new.login),
        name: clean(&new.name),
        role: to_word(&new.role)?,
        tier: i64::from(new.tier),
        password_hash: clean(&new.password_hash),
    };
    user::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

async fn set_password(tx: &DatabaseTransaction, login: &str, password_hash: &str) -> Result<(), TxError> {
    let found = user::Entity::find().filter(user::Column::Login.eq(clean(login))).lock_exclusive().one(tx).await?;
    let found = found.ok_or(StorageError::NotFound)?;
    session::Entity::delete_many().filter(session::Column::UserId.eq(found.id.clone())).exec(tx).await?;
    let mut change = found.into_active_model();
    change.password_hash = Set(clean(password_hash));
    change.update(tx).await?;
    Ok(())
}

async fn add_session(
    tx: &DatabaseTransaction,
    token_hash: &[u8; 32],
    user: &UserId,
    expires_at_ms: i64,
) -> Result<(), TxError> {
    // Locked, so that a change of password between here and the commit ends this session too.
    let found = user::Entity::find_by_id(clean(&user.0)).lock_exclusive().one(tx).await?;
    let user_id = found.ok_or(StorageError::NotFound)?.id;
    if session::Entity::find_by_id(token_hash.to_vec()).one(tx).await?.is_some() {
        return Err(StorageError::Conflict.into());
    }
    let model = session::Model { token_hash: token_hash.to_vec(), user_id, expires_at_ms };
    session::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

async fn put_if_absent(tx: &DatabaseTransaction, name: &str, value: &str) -> Result<String, TxError> {
    let model = setting::Model { name: clean(name), value: clean(value) };
    setting::Entity::insert(model.into_active_model())
        .on_conflict_do_nothing_on([setting::Column::Name])
        .exec_without_returning(tx)
        .await?;
    let holds = setting::Entity::find_by_id(clean(name)).one(tx).await?;
    Ok(holds.ok_or(StorageError::NotFound)?.value)
}

async fn put(tx: &DatabaseTransaction, name: &str, value: &str) -> Result<(), TxError> {
    let model = setting::Model { name: clean(name), value: clean(value) };
    setting::Entity::insert(model.into_active_model())
        .on_conflict(OnConflict::column(setting::Column::Name).update_column(setting::Column::Value).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
