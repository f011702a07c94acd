//! Taking a picture in: looked at, stored, committed, told.

use std::net::IpAddr;

use signaling::limits::PICTURES_PER_CONVERSATION_MAX;
use signaling::timeline::{Author, Entry, EntryBody};
use signaling::wire::{ErrorCode, Refusal};
use signaling::{ConversationId, PictureId};

use super::files::PictureFiles;
use super::places::{Place, Places};
use super::sniff::{self, Odd};
use crate::clock;
use crate::gate::subscriber_of;
use crate::random;
use crate::storage::NewEntry;
use crate::support::{Desk, refusal};

/// The pictures of a node.
pub struct Pictures {
    /// Their bytes.
    pub files: PictureFiles,
    places: Places,
}

impl Pictures {
    /// Pictures with their bytes in `files`.
    #[must_use]
    pub fn new(files: PictureFiles) -> Self {
        Self { files, places: Places::default() }
    }

    /// A place for an upload from this address, until it is dropped.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] or [`ErrorCode::RateLimited`] when there is none.
    pub fn place(&self, address: IpAddr) -> Result<Place, Refusal> {
        self.places.take(subscriber_of(address))
    }

    /// The picture that this sender has already sent under this name; and whether another one fits at all.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] when the name is another entry's, [`ErrorCode::OutOfOrder`] when the conversation has
    /// [`PICTURES_PER_CONVERSATION_MAX`] pictures.
    pub async fn sent_before(
        &self,
        desk: &Desk,
        conversation: &ConversationId,
        author: &Author,
        client_id: &str,
    ) -> Result<Option<Entry>, Refusal> {
        match desk.store.entry_by_client_id(conversation, client_id).await.map_err(refusal)? {
            Some(entry) if entry.author.kind == author.kind && matches!(entry.body, EntryBody::Picture { .. }) => {
                Ok(Some(entry))
            }
            Some(_) => Err(Refusal::new(ErrorCode::Invalid, "client_id is in use")),
            None => {
                let count = desk.store.picture_count(conversation).await.map_err(refusal)?;
                if count >= u64::from(PICTURES_PER_CONVERSATION_MAX) { Err(full()) } else { Ok(None) }
            }
        }
    }

    /// Takes a picture in. When this returns, bytes and entry are on disk and everyone is told.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] or [`ErrorCode::TooLarge`] when the bytes are no picture for us, with a sentence that says
    /// why; [`ErrorCode::OutOfOrder`] when the conversation is full.
    pub async fn add(
        &self,
        desk: &Desk,
        conversation: &ConversationId,
        author: Author,
        client_id: String,
        bytes: Vec<u8>,
    ) -> Result<Entry, Refusal> {
        // Megabytes are walked over, which would hold up everyone else on this thread.
        let looked = tokio::task::spawn_blocking(move || sniff::clean(&bytes)).await;
        let found = looked.map_err(|_| internal())?.map_err(odd)?;
        let id = PictureId(random::id('p'));
        let body = EntryBody::Picture {
            picture: id.clone(),
            media_type: found.media_type.as_str().to_owned(),
            width: found.width,
            height: found.height,
            bytes: u32::try_from(found.bytes.len()).unwrap_or(u32::MAX),
        };
        self.files.put(&id, found.bytes).await.map_err(|error| {
            tracing::error!(%error, "a picture was not stored");
            internal()
        })?;
        let new = NewEntry { author, client_id: Some(client_id), body, at_ms: clock::now_ms() };
        let entry = match desk.add_picture(conversation, new).await {
            Ok(entry) => entry,
            Err(refusal) => {
                // Whether it was committed all the same is known by the database alone.
                let committed = desk.store.picture(&id).await;
                if matches!(committed, Ok(None)) {
                    self.files.remove(&id).await;
                }
                return Err(if refusal.code == ErrorCode::OutOfOrder { full() } else { refusal });
            }
        };
        if !matches!(&entry.body, EntryBody::Picture { picture, .. } if *picture == id) {
            // The same upload twice at a time: the first one counts.
            self.files.remove(&id).await;
        }
        Ok(entry)
    }
}

fn odd(odd: Odd) -> Refusal {
    let code = if matches!(odd, Odd::TooLarge { .. }) { ErrorCode::TooLarge } else { ErrorCode::Invalid };
    Refusal::new(code, odd.to_string())
}

fn full() -> Refusal {
    let message = format!("this conversation has {PICTURES_PER_CONVERSATION_MAX} pictures, it takes no more");
    Refusal::new(ErrorCode::OutOfOrder, message)
}

fn internal() -> Refusal {
    Refusal::new(ErrorCode::Internal, "the server could not store this, try again")
}
