//! What a run needs before it begins: the target, credentials, agents.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use signaling::api::TokenRequest;
use signaling::load_test::{AGENTS_MAX, LoadTestAgentsRequest, TTL_S_MAX};

use super::args::{ConnectArgs, ServerArgs};
use crate::client::{ClientError, RestClient, Trust, client_config};
use crate::foreign::Foreign;
use crate::scenarios::Aim;
use crate::target::Target;

/// Viewer tokens minted for a run; more viewers share them by turns.
const TOKENS_MAX: u64 = 64;
/// Time in which a server accepts a TCP connection.
const REACH_LIMIT: Duration = Duration::from_secs(5);
/// What the agents live beyond the run, so that the last calls end in peace.
const AGENTS_SPARE: Duration = Duration::from_secs(300);

/// A server that was reached and accepted the credentials.
pub(super) struct Setup {
    /// Where bots go.
    pub(super) aim: Aim,
    /// The REST API with the API key, if there is one.
    pub(super) rest: RestClient,
}

impl Setup {
    /// Reaches the server and checks the API key.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) async fn new(args: &ServerArgs) -> Result<Self, String> {
        let (target, address) = reach(args).await?;
        let rest = RestClient::new(&target, args.token.clone()).map_err(|error| error.to_string())?;
        let mut aim = Aim { target, address, api_key: args.token.as_deref().map(Arc::from), tokens: Vec::new() };
        if args.token.is_some() {
            aim.tokens.push(mint(&rest, 0).await?);
        } else {
            greet(&rest).await?;
        }
        Ok(Self { aim, rest })
    }

    /// Mints tokens for so many viewers.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) async fn mint_for(&mut self, viewers: u64) -> Result<(), String> {
        if self.aim.api_key.is_some() {
            for n in self.aim.tokens.len() as u64..viewers.min(TOKENS_MAX) {
                self.aim.tokens.push(mint(&self.rest, n).await?);
            }
        }
        Ok(())
    }
}

/// Where a worker goes: its parent has checked everything.
pub(super) async fn worker_aim(args: &ServerArgs) -> Result<Aim, String> {
    Ok(Setup::new(args).await?.aim)
}

async fn reach(args: &ServerArgs) -> Result<(Target, IpAddr), String> {
    if args.target.is_some() {
        return Err("--target goes with connect and call only: other scenarios need a desk".to_owned());
    }
    let target = Target::parse(&args.name()).map_err(|error| format!("--url: {error}"))?;
    reach_target(args, with_trust(args, target)?).await
}

/// How the server's certificates are judged.
fn with_trust(args: &ServerArgs, target: Target) -> Result<Target, String> {
    if !target.is_secure() {
        return Ok(target);
    }
    let trust = match &args.ca {
        Some(path) => Trust::Ca(path),
        None if args.insecure => Trust::Anybody,
        None => Trust::System,
    };
    Ok(target.with_tls(client_config(trust)?))
}

/// Where bots go at another media server, and how they reach it.
///
/// # Errors
/// One line for the operator.
pub(super) async fn foreign_aim(args: &ServerArgs, server: &Foreign) -> Result<(Aim, Foreign), String> {
    let bearer = args.bearer.as_deref().map(Arc::from);
    let server = server.clone().map(|target| with_trust(args, target))?;
    let mut reached = None;
    for target in server.targets() {
        let (target, address) = reach_target(args, target.clone()).await?;
        reached.get_or_insert((target, address));
    }
    let (target, address) = reached.ok_or("no server")?;
    Ok((Aim { target, address, api_key: bearer, tokens: Vec::new() }, server))
}

async fn reach_target(args: &ServerArgs, target: Target) -> Result<(Target, IpAddr), String> {
    let address = target.check_allowed(args.i_own_this_host).await.map_err(|error| error.to_string())?;
    let connecting = tokio::net::TcpStream::connect(address);
    match tokio::time::timeout(REACH_LIMIT, connecting).await {
        Ok(Ok(_)) => Ok((target, address.ip())),
        Ok(Err(error)) => Err(format!("the server at {} cannot be reached: {error}", target.base())),
        Err(_) => Err(format!("the server at {} does not answer", target.base())),
    }
}

/// Whether there is a Sightline server behind the port.
async fn greet(rest: &RestClient) -> Result<(), String> {
    match rest.text("/healthz").await {
        Ok((200, _)) => Ok(()),
        Ok((status, _)) => Err(format!("/healthz answers with HTTP {status}: this is no Sightline server")),
        Err(error) => Err(error.to_string()),
    }
}

async fn mint(rest: &RestClient, n: u64) -> Result<String, String> {
    let request = TokenRequest {
        external_id: format!("loadtest-{n}"),
        name: format!("Bot {n}"),
        level: None,
        lang: Some("en".to_owned()),
        ttl_s: Some(TTL_S_MAX),
    };
    match rest.mint_token(&request).await {
        Ok(answer) => Ok(answer.token),
        Err(ClientError::Rest { status: 401 | 403, message, .. }) => {
            Err(format!("the API key (--token, {}) was refused: {message}", super::API_KEY_VARIABLE))
        }
        Err(error) => Err(format!("no viewer token: {error}")),
    }
}

/// The agents of a run.
#[derive(Default)]
pub(super) struct Agents {
    /// Session tokens.
    pub(super) tokens: Vec<String>,
    /// To be removed after the run.
    batch: Option<String>,
}

impl Agents {
    /// Signs in those who were named; otherwise makes agents with the API key; otherwise takes the demo's.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) async fn open(
        rest: &RestClient,
        args: &ConnectArgs,
        wanted: u32,
        run_for: Duration,
    ) -> Result<Self, String> {
        if !args.agent_login.is_empty() {
            return Ok(Self { tokens: sign_in(rest, args).await?, batch: None });
        }
        if args.common.server.token.is_none() {
            let session = rest.demo_sign_in().await.map_err(|error| match error {
                ClientError::Rest { status: 404, .. } => format!(
                    "agents are needed: give the API key (--token or {}), or --agent-login and --agent-password",
                    super::API_KEY_VARIABLE
                ),
                error => format!("the demo agent cannot sign in: {error}"),
            })?;
            return Ok(Self { tokens: session.token.into_iter().collect(), batch: None });
        }
        let ttl_s = u32::try_from((run_for + AGENTS_SPARE).as_secs()).unwrap_or(TTL_S_MAX).min(TTL_S_MAX);
        let request = LoadTestAgentsRequest { count: wanted.clamp(1, AGENTS_MAX), ttl_s };
        let made = rest.open_load_test_agents(&request).await.map_err(|error| format!("no agents: {error}"))?;
        let tokens = made.agents.into_iter().map(|agent| agent.token).collect();
        Ok(Self { tokens, batch: Some(made.batch) })
    }

    /// The tokens of those who have calls, and of `guests` times as many who join them.
    pub(super) fn split(&self, guests: u32) -> (Vec<String>, Vec<String>) {
        let own = self.tokens.len() / (1 + guests as usize);
        let (own, others) = self.tokens.split_at(own.max(1).min(self.tokens.len()));
        (own.to_vec(), others.to_vec())
    }

    /// Removes what was made.
    pub(super) async fn close(self, rest: &RestClient) {
        let Some(batch) = self.batch else { return };
        if let Err(error) = rest.close_load_test_agents(&batch).await {
            // They end by themselves when their time is over.
            eprintln!("note: the run's agents could not be removed: {error}");
        }
    }
}

async fn sign_in(rest: &RestClient, args: &ConnectArgs) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    for login in &args.agent_login {
        let Some(password) = &args.agent_password else {
            return Err("--agent-login needs --agent-password (or SIGHTLINE_AGENT_PASSWORD)".to_owned());
        };
        let session = rest.with_bearer(None).sign_in(login, password).await;
        let session = session.map_err(|error| format!("agent {login:?} cannot sign in: {error}"))?;
        tokens.extend(session.token);
    }
    if tokens.is_empty() {
        return Err("the server gave no session token for the agents".to_owned());
    }
    let count = args.agents.map_or(tokens.len(), |agents| agents as usize).max(1);
    Ok(tokens.into_iter().cycle().take(count).collect())
}
