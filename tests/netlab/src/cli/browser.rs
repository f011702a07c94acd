//! `netlab browser`: Chromium in a site, with a profile of its own, for a window or for a picture of a page.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use super::Usage;
use super::remote::LabArgs;
use crate::{registry, sys};

/// Time a page has before its picture is made, ms, by the browser's clock, which stands still while the page waits for the
/// network: enough for the stream to start on any line.
const PICTURE_AFTER_MS: u32 = 15_000;

/// Arguments of `browser`.
#[derive(clap::Args, Debug)]
pub(super) struct BrowserArgs {
    #[command(flatten)]
    lab: LabArgs,
    /// The site.
    site: String,
    /// Address of the page, or a path at the product [default: /agent in the site "agent", /demo in others].
    page: Option<String>,
    /// Make a picture of the page instead of opening a window.
    #[arg(long, value_name = "FILE.png")]
    screenshot: Option<PathBuf>,
    /// The browser.
    #[arg(long, env = "CHROMIUM", default_value = "/usr/bin/chromium")]
    chromium: PathBuf,
}

pub(super) fn run(args: BrowserArgs) -> anyhow::Result<ExitCode> {
    let found = args.lab.find()?;
    let namespace = found.namespace(&args.site)?;
    let page = args.page.unwrap_or_else(|| if args.site == "agent" { "/agent" } else { "/demo" }.to_owned());
    let page = match &found.record.url {
        _ if page.contains("://") => page,
        Some(url) => format!("{url}{page}"),
        None => return Err(Usage("this laboratory has no product in it: give a whole address".to_owned()).into()),
    };
    let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if args.screenshot.is_none() && !display {
        return Err(Usage("no display here: use --screenshot FILE.png".to_owned()).into());
    }
    let profile = registry::folder(&found.record.id).join(format!("profile-{}", args.site));
    let mut command = Command::new(&args.chromium);
    command
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--ignore-certificate-errors-spki-list={}", found.view.certificate.spki))
        // Root has no sandbox, and namespaces need root.
        .args(["--no-sandbox", "--no-first-run", "--disable-quic", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .arg("--autoplay-policy=no-user-gesture-required");
    if let Some(file) = &args.screenshot {
        let file = std::path::absolute(file)?;
        command
            .args(["--headless=new", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,800"])
            .arg(format!("--virtual-time-budget={PICTURE_AFTER_MS}"))
            .arg(format!("--screenshot={}", file.display()));
    }
    command.arg(page);
    sys::enter_namespace(&namespace).with_context(|| format!("cannot enter {}", namespace.display()))?;
    Err(command.exec()).with_context(|| format!("cannot run {}", args.chromium.display()))
}
