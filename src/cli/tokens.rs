//! `sightline token`.

use anyhow::bail;
use clap::Subcommand;

use super::DataArgs;
use crate::auth::{Auth, VIEWER_TOKEN_S_MAX};

/// Commands of `token`.
#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// Sign a viewer token, as the host page's server would; printed to standard output.
    Viewer {
        #[command(flatten)]
        data: DataArgs,
        /// The host's own id of the viewer.
        #[arg(long)]
        sub: String,
        /// Name that agents see.
        #[arg(long)]
        name: String,
        /// Level at the host, such as gold.
        #[arg(long)]
        level: Option<String>,
        /// Language, such as en or zh.
        #[arg(long)]
        lang: Option<String>,
        /// Life in seconds, at most a day.
        #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..=VIEWER_TOKEN_S_MAX as i64))]
        ttl: u32,
    },
    /// Print the secret with which the host's server signs viewer tokens (JWT, HS256). Keep it on your servers.
    Secret {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Make a new API key; the old one stops working. Printed to standard output.
    ApiKey {
        #[command(flatten)]
        data: DataArgs,
    },
}

/// Runs one.
pub(super) async fn run(command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Viewer { data, sub, name, level, lang, ttl } => {
            if sub.is_empty() || name.is_empty() {
                bail!("--sub and --name must not be empty");
            }
            let (auth, _) = data.open_auth().await?;
            let claims = Auth::viewer_claims(&sub, &name, level, lang, ttl);
            println!("{}", auth.viewer_token(&claims).map_err(anyhow::Error::msg)?);
        }
        TokenCommand::Secret { data } => {
            let (auth, _) = data.open_auth().await?;
            println!("{}", auth.viewer_secret());
        }
        TokenCommand::ApiKey { data } => {
            let (auth, config) = data.open_auth().await?;
            let key = auth.new_api_key().await?;
            crate::server::write_private(&config.storage.data.join("api-key"), &format!("{key}\n"))?;
            println!("{key}");
        }
    }
    Ok(())
}
