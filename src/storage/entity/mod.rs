//! Tables as sea-orm entities, and their conversion into rows.
//!
//! Enumerations are stored as the words of the wire protocol, structured values as JSON text; a value that this version
//! cannot read is a [`StorageError::Backend`] that names table and column.

pub(super) mod block;
pub(super) mod call;
pub(super) mod canned_reply;
pub(super) mod conversation;
pub(super) mod counter;
pub(super) mod entry;
pub(super) mod format;
pub(super) mod last_diagnosis;
pub(super) mod picture;
pub(super) mod session;
pub(super) mod setting;
pub(super) mod user;
pub(super) mod verdict_word;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StorageError;

/// Text as both databases can hold it: PostgreSQL has no NUL in text.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A unit variant as its wire word.
pub(super) fn to_word<T: Serialize>(value: &T) -> Result<String, StorageError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(_) => Err(StorageError::Backend("an enumeration is not a word".to_owned())),
        Err(error) => Err(StorageError::Backend(error.to_string())),
    }
}

/// A wire word as its unit variant.
pub(super) fn from_word<T: DeserializeOwned>(column: &str, word: &str) -> Result<T, StorageError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|error| unreadable(column, &error))
}

/// A structured value as JSON text.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Backend(error.to_string()))
}

/// JSON text as a structured value.
pub(super) fn from_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| unreadable(column, &error))
}

/// A stored number in the narrower type of its row.
pub(super) fn narrow<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T, StorageError> {
    T::try_from(value).map_err(|_| unreadable(column, &"out of range"))
}

fn unreadable(column: &str, why: &dyn std::fmt::Display) -> StorageError {
    StorageError::Backend(format!("stored {column} cannot be read: {why}"))
}
