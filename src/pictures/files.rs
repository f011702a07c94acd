//! Where the bytes of pictures lie: an object store, here a folder, one object a picture.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use signaling::PictureId;
use thiserror::Error;

use crate::storage::{StorageError, Store};

/// An object without an entry is left alone while it is younger: another node's upload may be about to commit.
const ORPHAN_AFTER: Duration = Duration::from_secs(3_600);
/// Pictures looked up at once when orphans are searched.
const LOOKED_UP_AT_ONCE: usize = 500;

/// Why bytes were not stored or read.
#[derive(Debug, Error)]
pub enum PictureError {
    /// There are no such bytes here.
    #[error("the picture's bytes are not here")]
    NotFound,
    /// The store failed.
    #[error("the picture store failed: {0}")]
    Io(String),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<object_store::Error> for PictureError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Io(other.to_string()),
        }
    }
}

/// The bytes of all pictures. Clones share them.
#[derive(Clone)]
pub struct PictureFiles {
    folder: PathBuf,
    objects: Arc<dyn ObjectStore>,
}

impl PictureFiles {
    /// Pictures in a folder, made if it is missing.
    ///
    /// # Errors
    /// [`PictureError::Io`].
    pub fn open(folder: &Path) -> Result<Self, PictureError> {
        let io = |error: std::io::Error| PictureError::Io(format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(io)?;
        let objects = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { folder: folder.to_owned(), objects: Arc::new(objects) })
    }

    /// Stores the bytes of a new picture. They are on disk when this returns.
    ///
    /// # Errors
    /// [`PictureError::Io`].
    pub async fn put(&self, picture: &PictureId, bytes: Vec<u8>) -> Result<(), PictureError> {
        self.objects.put(&place(picture), bytes.into()).await?;
        Ok(())
    }

    /// The bytes of a picture, piece by piece.
    ///
    /// # Errors
    /// [`PictureError::NotFound`], [`PictureError::Io`].
    pub async fn get(
        &self,
        picture: &PictureId,
    ) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, PictureError> {
        Ok(self.objects.get(&place(picture)).await?.into_stream())
    }

    /// Removes a picture whose entry was not committed. A failure leaves an orphan.
    pub async fn remove(&self, picture: &PictureId) {
        if let Err(error) = self.objects.delete(&place(picture)).await {
            tracing::warn!(%error, %picture, "a picture without an entry stays until the next start");
        }
    }

    /// Removes what an earlier process left without an entry. Returns how many.
    ///
    /// # Errors
    /// [`PictureError`].
    pub async fn remove_orphans(&self, store: &Store) -> Result<usize, PictureError> {
        let folder = self.folder.clone();
        let torn = tokio::task::spawn_blocking(move || remove_torn(&folder, ORPHAN_AFTER));
        let mut removed = torn.await.unwrap_or(0);
        let old = before(ORPHAN_AFTER);
        let mut objects = self.objects.list(None).chunks(LOOKED_UP_AT_ONCE);
        while let Some(part) = objects.next().await {
            let part: Vec<ObjectMeta> = part.into_iter().collect::<Result<_, _>>()?;
            let ids: Vec<PictureId> = part
                .iter()
                .filter(|object| SystemTime::from(object.last_modified) < old)
                .filter_map(|object| object.location.filename().map(PictureId::from))
                .collect();
            let known = store.known_pictures(&ids).await?;
            for orphan in ids.iter().filter(|id| !known.contains(id)) {
                self.remove(orphan).await;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn before(age: Duration) -> SystemTime {
    SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Where a picture lies. Its id is random, so two characters of it spread pictures over a thousand folders.
fn place(picture: &PictureId) -> ObjectPath {
    let id = picture.as_str();
    ObjectPath::from_iter([id.get(2..4).unwrap_or("00"), id])
}

/// Removes files that a crash left half written: the store writes beside the final name, with a `#`, which it never lists.
fn remove_torn(folder: &Path, age: Duration) -> usize {
    let old = before(age);
    let files = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    files(folder)
        .flat_map(|part| files(&part.path()).collect::<Vec<_>>())
        .filter(|file| file.file_name().to_string_lossy().contains('#'))
        .filter(|file| file.metadata().and_then(|found| found.modified()).is_ok_and(|at| at < old))
        .filter(|file| std::fs::remove_file(file.path()).is_ok())
        .count()
}
