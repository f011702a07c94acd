//! The command line: `serve`, `user`, `token`, `diagnose`.

mod banner;
mod diagnose;
mod lan;
mod serve;
mod tokens;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::auth::Auth;
use crate::config::{self, Config};
use crate::server::{create_private_dir, database_url};
use crate::storage::Store;

/// Self-hosted real-time video support: chat, tickets and a low-latency SFU in one process.
#[derive(Parser)]
#[command(name = "sightline", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Manage agents, supervisors and admins.
    #[command(subcommand)]
    User(users::UserCommand),
    /// Make API keys and viewer tokens.
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// Say why a picture stuttered, from a file of measurements.
    Diagnose(diagnose::DiagnoseArgs),
}

/// Where the data of a command is.
#[derive(clap::Args, Clone, Debug)]
struct DataArgs {
    /// Configuration file (see config.sample.toml).
    #[arg(long, env = "SIGHTLINE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder; wins over the configuration.
    #[arg(long, env = "SIGHTLINE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DataArgs {
    fn load(&self) -> Result<Config, config::ConfigError> {
        let mut config = match &self.config {
            Some(path) => config::load(path)?,
            None => Config::default(),
        };
        if let Some(data) = &self.data {
            config.storage.data.clone_from(data);
        }
        Ok(config)
    }

    async fn open(&self) -> anyhow::Result<(Store, Config)> {
        let config = self.load()?;
        create_private_dir(&config.storage.data)?;
        let store = Store::open(&database_url(&config)).await.context("cannot open the database")?;
        Ok((store, config))
    }

    async fn open_auth(&self) -> anyhow::Result<(Auth, Config)> {
        let (store, config) = self.open().await?;
        Ok((Auth::open(store).await?, config))
    }
}

/// Parses the arguments and runs the command. Exit code 2 for what the caller can mend in the arguments or the
/// configuration, 1 for what went wrong afterwards.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("SIGHTLINE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,str0m=error,dimpl=error,sea_orm_migration=warn,sqlx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sightline: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(args).await,
            Command::User(command) => users::run(command).await,
            Command::Token(command) => tokens::run(command).await,
            Command::Diagnose(args) => diagnose::run(&args),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sightline: {error:#}");
            let mendable = error.is::<config::ConfigError>() || error.is::<diagnose::Unreadable>();
            if mendable { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
