//! `sightline user`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use signaling::UserId;
use signaling::api::Role;

use super::DataArgs;
use crate::auth::hash_password;
use crate::random;
use crate::storage::{LOAD_TEST_LOGIN, NewUser, StorageError};

/// Commands of `user`.
#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; the password is asked for, or read from standard input.
    Add {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        #[arg(long)]
        login: String,
        /// Name that viewers see.
        #[arg(long)]
        name: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value = "agent")]
        role: RoleArg,
        /// Support tier.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
        tier: u8,
        /// Read the password from standard input without asking.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a new password.
    Password {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        #[arg(long)]
        login: String,
        /// Read the password from standard input without asking.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List users.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
}

/// Roles on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RoleArg {
    /// Takes conversations.
    Agent,
    /// Sees all of them.
    Supervisor,
    /// Manages users.
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Agent => Self::Agent,
            RoleArg::Supervisor => Self::Supervisor,
            RoleArg::Admin => Self::Admin,
        }
    }
}

/// Runs one.
pub(super) async fn run(command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Add { data, login, name, role, tier, password_stdin } => {
            if login.trim().is_empty() || name.trim().is_empty() {
                bail!("--login and --name must not be empty");
            }
            if login.starts_with(LOAD_TEST_LOGIN) {
                bail!("logins that begin with {LOAD_TEST_LOGIN:?} are those of load tests");
            }
            let (store, _) = data.open().await?;
            let password_hash = hash_password(&read_password(password_stdin)?).map_err(anyhow::Error::msg)?;
            let user = NewUser {
                id: UserId(random::id('u')),
                login: login.clone(),
                name,
                role: role.into(),
                tier,
                password_hash,
            };
            match store.add_user(user).await {
                Ok(()) => println!("user {login} added"),
                Err(StorageError::Conflict) => {
                    bail!("there is a user {login} already (sightline user password sets a new password)")
                }
                Err(error) => return Err(error.into()),
            }
        }
        UserCommand::Password { data, login, password_stdin } => {
            let (store, _) = data.open().await?;
            let hash = hash_password(&read_password(password_stdin)?).map_err(anyhow::Error::msg)?;
            match store.set_password(&login, &hash).await {
                Ok(()) => println!("the password of {login} was changed"),
                Err(StorageError::NotFound) => bail!("there is no user {login}"),
                Err(error) => return Err(error.into()),
            }
        }
        UserCommand::List { data } => {
            let (store, _) = data.open().await?;
            for user in store.users().await? {
                println!("{}\t{:?}\ttier {}\t{}", user.login, user.role, user.tier, user.name);
            }
        }
    }
    Ok(())
}

fn read_password(from_stdin: bool) -> anyhow::Result<String> {
    if !from_stdin && std::io::stdin().is_terminal() {
        eprint!("Password (shown while you type): ");
        std::io::stderr().flush()?;
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        bail!("no password given: type it, or pipe it in with --password-stdin");
    }
    Ok(password)
}
