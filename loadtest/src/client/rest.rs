//! The REST calls that clients and tests need.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use signaling::api::{
    ApiError, Ops, SessionView, SignIn, TelemetryExport, Ticket, TicketList, TokenAnswer, TokenRequest,
};
use signaling::load_test::{LoadTestAgents, LoadTestAgentsRequest};

use super::ClientError;
use crate::target::Target;

/// Bound on one REST call.
const REST_LIMIT: Duration = Duration::from_secs(10);

/// Where agents of a load test are made.
const LOAD_TEST_AGENTS: &str = "/api/v1/load-test/agents";

/// A client of `/api/v1`.
#[derive(Debug, Clone)]
pub struct RestClient {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
}

impl RestClient {
    /// A client of the target; `bearer` is an API key or an agent's session token.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] when the HTTP client cannot be made.
    pub fn new(target: &Target, bearer: Option<String>) -> Result<Self, ClientError> {
        // A client cannot be built without, not even for http; the second time does nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = reqwest::Client::builder().timeout(REST_LIMIT);
        if target.is_secure() {
            let tls = match target.tls() {
                Some(tls) => tls,
                None => super::client_config(super::Trust::System).map_err(ClientError::Tls)?,
            };
            builder = builder.tls_backend_preconfigured((*tls).clone());
        }
        let http = builder.build().map_err(|error| ClientError::Protocol(format!("no HTTP client: {error}")))?;
        Ok(Self { http, base: target.base(), bearer })
    }

    /// The same client with other credentials.
    #[must_use]
    pub fn with_bearer(&self, bearer: Option<String>) -> Self {
        Self { bearer, ..self.clone() }
    }

    /// Signs an agent in. The session token is in the answer.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn sign_in(&self, login: &str, password: &str) -> Result<SessionView, ClientError> {
        let body = SignIn { login: login.to_owned(), password: password.to_owned() };
        self.post("/api/v1/session", &body).await
    }

    /// Signs in as the demo agent; demo servers only.
    ///
    /// # Errors
    /// [`ClientError::Rest`] with status 404 elsewhere, [`ClientError::Unreachable`].
    pub async fn demo_sign_in(&self) -> Result<SessionView, ClientError> {
        self.post("/api/v1/demo/sign-in", &serde_json::json!({})).await
    }

    /// Mints a viewer token; needs an API key.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn mint_token(&self, request: &TokenRequest) -> Result<TokenAnswer, ClientError> {
        self.post("/api/v1/tokens", request).await
    }

    /// Makes agents for a load test; needs an API key.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn open_load_test_agents(&self, request: &LoadTestAgentsRequest) -> Result<LoadTestAgents, ClientError> {
        self.post(LOAD_TEST_AGENTS, request).await
    }

    /// Removes agents of a load test; needs an API key.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn close_load_test_agents(&self, batch: &str) -> Result<(), ClientError> {
        let path = format!("{LOAD_TEST_AGENTS}/{batch}");
        let request = self.authorized(self.http.delete(format!("{}{path}", self.base)));
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let message = response.text().await.unwrap_or_default();
        Err(ClientError::Rest { method: "DELETE", path, status, code: None, message })
    }

    /// One ticket.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn ticket(&self, number: i64) -> Result<Ticket, ClientError> {
        self.get(&format!("/api/v1/tickets/{number}")).await
    }

    /// The newest tickets.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn tickets(&self, limit: u32) -> Result<TicketList, ClientError> {
        self.get(&format!("/api/v1/tickets?limit={limit}")).await
    }

    /// The telemetry of a ticket.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn telemetry(&self, number: i64) -> Result<TelemetryExport, ClientError> {
        self.get(&format!("/api/v1/tickets/{number}/telemetry")).await
    }

    /// What is said about a ticket's telemetry, as JSON (docs/diagnosis.md).
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn diagnosis(&self, number: i64) -> Result<serde_json::Value, ClientError> {
        self.get(&format!("/api/v1/tickets/{number}/diagnosis")).await
    }

    /// The operations page's figures.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn ops(&self) -> Result<Ops, ClientError> {
        self.get("/api/v1/ops").await
    }

    /// Any path as status and text.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub async fn text(&self, path: &str) -> Result<(u16, String), ClientError> {
        let response = self.authorized(self.http.get(format!("{}{path}", self.base))).send().await;
        let response = response.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.map_err(|error| self.unreachable(&error))?))
    }

    /// `GET` of a JSON body.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.run("GET", path, self.http.get(format!("{}{path}", self.base))).await
    }

    /// `POST` of a JSON body for a JSON answer.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ClientError> {
        self.run("POST", path, self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// `PUT` of a JSON body, with a JSON answer.
    ///
    /// # Errors
    /// [`ClientError::Rest`], [`ClientError::Unreachable`].
    pub async fn put<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ClientError> {
        self.run("PUT", path, self.http.put(format!("{}{path}", self.base)).json(body)).await
    }

    async fn run<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, ClientError> {
        let response = self.authorized(request).send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        let refused =
            |code, message: String| ClientError::Rest { method, path: path.to_owned(), status, code, message };
        if !(200..300).contains(&status) {
            return Err(match serde_json::from_str::<ApiError>(&body) {
                Ok(error) => refused(Some(error.code), error.message),
                Err(_) => refused(None, body.chars().take(200).collect()),
            });
        }
        serde_json::from_str(&body)
            .map_err(|error| refused(None, format!("the answer is not what was expected: {error}")))
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        ClientError::Unreachable { address: self.base.clone(), reason }
    }
}
