//! Who somebody is: passwords, agent sessions, the API key, host-signed viewer tokens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use signaling::wire::{ErrorCode, Refusal};

use crate::clock;
use crate::random;
use crate::storage::{StorageError, Store, UserRow};
use crate::support::refusal;

/// Life of an agent's session, ms: a working day with overtime.
pub const SESSION_MS: i64 = 12 * 3_600_000;
/// Longest life of a viewer token, seconds. A token is for one visit.
pub const VIEWER_TOKEN_S_MAX: u32 = 86_400;
/// Shortest password of a user, characters (NIST SP 800-63B, section 5.1.1.2).
pub const PASSWORD_CHARS_MIN: usize = 8;

const AUDIENCE: &str = "sightline-viewer";
const JWT_SECRET: &str = "viewer_token_secret";
const API_KEY_HASH: &str = "api_key_sha256";

/// What a host says of its viewer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ViewerClaims {
    /// The host's own id.
    pub sub: String,
    /// Name to show.
    pub name: String,
    /// The host's level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Language, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// End of life, seconds since the Unix epoch.
    pub exp: i64,
    /// Always `sightline-viewer`.
    pub aud: String,
}

/// The hash of the API key as it was read last, and when.
type RememberedKey = (Instant, Option<String>);

/// Secrets of the deployment and how they are checked. Generated at the first start, kept in the store.
#[derive(Clone)]
pub struct Auth {
    store: Store,
    viewer_secret: String,
    api_key_hash: Arc<Mutex<Option<RememberedKey>>>,
}

/// How long the API key's hash is remembered: a load test presents the key with each of a thousand sockets a second, and a
/// key that was replaced ends within this time.
const API_KEY_REMEMBERED: Duration = Duration::from_secs(2);

impl Auth {
    /// Reads the secrets, generating those that are missing.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn open(store: Store) -> Result<Self, StorageError> {
        let viewer_secret = store.put_setting_if_absent(JWT_SECRET, &random::secret()).await?;
        Ok(Self { store, viewer_secret, api_key_hash: Arc::default() })
    }

    /// Makes a new API key, which replaces the old one. Only its hash is stored.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn new_api_key(&self) -> Result<String, StorageError> {
        let key = format!("sk_{}", random::secret());
        self.store.put_setting(API_KEY_HASH, &hex(&random::sha256(&key))).await?;
        *self.remembered() = None;
        Ok(key)
    }

    fn remembered(&self) -> MutexGuard<'_, Option<(Instant, Option<String>)>> {
        self.api_key_hash.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an API key was made.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn has_api_key(&self) -> Result<bool, StorageError> {
        Ok(self.store.setting(API_KEY_HASH).await?.is_some())
    }

    /// Whether this is the API key.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn is_api_key(&self, key: &str) -> Result<bool, StorageError> {
        if !key.starts_with("sk_") {
            return Ok(false);
        }
        let remembered = self.remembered().clone();
        let known = match remembered {
            Some((at, known)) if at.elapsed() < API_KEY_REMEMBERED => known,
            _ => {
                let known = self.store.setting(API_KEY_HASH).await?;
                *self.remembered() = Some((Instant::now(), known.clone()));
                known
            }
        };
        // Hashes of high-entropy secrets: comparing them in variable time tells nothing useful.
        Ok(known.is_some_and(|known| known == hex(&random::sha256(key))))
    }

    /// Signs a user in; returns the session token.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`], the same for an unknown login and a wrong password.
    pub async fn sign_in(&self, login: &str, password: String) -> Result<(UserRow, String), Refusal> {
        let user = self.store.user_by_login(login).await.map_err(refusal)?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        // An unknown login costs the same time as a wrong password.
        let right =
            tokio::task::spawn_blocking(move || verify_password(&password, hash.as_deref().unwrap_or(DUMMY_HASH)));
        match (user, right.await.unwrap_or(false)) {
            (Some(user), true) => {
                let token = self.open_session(&user).await.map_err(refusal)?;
                Ok((user, token))
            }
            _ => Err(Refusal::new(ErrorCode::Unauthorized, "login or password is wrong")),
        }
    }

    /// A session for a user who is known already (the demo's one-click sign-in).
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn open_session(&self, user: &UserRow) -> Result<String, StorageError> {
        let token = random::secret();
        let now_ms = clock::now_ms();
        self.store.purge_sessions(now_ms).await?;
        self.store.add_session(random::sha256(&token), &user.id, now_ms + SESSION_MS).await?;
        Ok(token)
    }

    /// The user of a session token.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn session_user(&self, token: &str) -> Result<Option<UserRow>, StorageError> {
        self.store.session(&random::sha256(token), clock::now_ms()).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn close_session(&self, token: &str) -> Result<(), StorageError> {
        self.store.delete_session(&random::sha256(token)).await
    }

    /// The secret of viewer tokens, for hosts that sign their own.
    #[must_use]
    pub fn viewer_secret(&self) -> &str {
        &self.viewer_secret
    }

    /// Signs a viewer token, as a host would.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when signing fails.
    pub fn viewer_token(&self, claims: &ViewerClaims) -> Result<String, Refusal> {
        let key = EncodingKey::from_secret(self.viewer_secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
            .map_err(|error| Refusal::new(ErrorCode::Internal, error.to_string()))
    }

    /// Claims for a token that lives `ttl_s` seconds from now.
    #[must_use]
    pub fn viewer_claims(
        sub: &str,
        name: &str,
        level: Option<String>,
        lang: Option<String>,
        ttl_s: u32,
    ) -> ViewerClaims {
        let ttl_s = ttl_s.clamp(1, VIEWER_TOKEN_S_MAX);
        ViewerClaims {
            sub: sub.to_owned(),
            name: name.to_owned(),
            level,
            lang,
            exp: clock::now_ms() / 1000 + i64::from(ttl_s),
            aud: AUDIENCE.to_owned(),
        }
    }

    /// Checks a viewer token.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] with what is wrong: expired, not signed by this deployment, not a token.
    pub fn check_viewer_token(&self, token: &str) -> Result<ViewerClaims, Refusal> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.leeway = 5;
        let key = DecodingKey::from_secret(self.viewer_secret.as_bytes());
        let claims = jsonwebtoken::decode::<ViewerClaims>(token, &key, &validation).map_err(|error| {
            use jsonwebtoken::errors::ErrorKind;
            let why = match error.kind() {
                ErrorKind::ExpiredSignature => "the viewer token is expired",
                ErrorKind::InvalidSignature => "the viewer token is not signed with this server's secret",
                ErrorKind::InvalidAudience => "the viewer token is for something else",
                _ => "the viewer token is not valid",
            };
            Refusal::new(ErrorCode::Unauthorized, why)
        })?;
        Ok(claims.claims)
    }
}

/// Hashes a password (argon2id with the crate's defaults, which follow OWASP's advice).
///
/// # Errors
/// When the password is shorter than [`PASSWORD_CHARS_MIN`].
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(format!("a password has at least {PASSWORD_CHARS_MIN} characters"));
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// A valid hash of nothing in particular, for logins that do not exist.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2lnaHRsaW5lLWR1bW15$8P1xkQm4o2Nq2r6v2c0oY1b7dUeZg3q1wQ0m5n0c6kE";

fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_verify_and_short_ones_are_refused() {
        let hash = hash_password("correct horse").expect("long enough");
        assert!(verify_password("correct horse", &hash));
        assert!(!verify_password("wrong horse", &hash));
        assert!(hash_password("short").is_err());
        assert!(PasswordHash::new(DUMMY_HASH).is_ok());
        assert!(!verify_password("anything", DUMMY_HASH));
    }
}
