//! `sightline diagnose`: the verdict of a file, the same as on a ticket.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use diagnosis::model::Side;
use diagnosis::read::{FILE_BYTES_MAX, Parsed};
use diagnosis::verdict::Text;
use diagnosis::{Diagnosis, Window, diagnose, read};

/// Arguments of `diagnose`.
#[derive(clap::Args)]
pub(super) struct DiagnoseArgs {
    /// A ticket's telemetry, a webrtc-internals dump, an rtcstats dump or a series of getStats reports, packed by gzip or not;
    /// - for standard input.
    file: PathBuf,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    /// Language of the sentences.
    #[arg(long, value_enum, default_value_t = Language::En)]
    lang: Language,
    /// Whose connections another tool's file holds; told by what they send if absent.
    #[arg(long, value_enum)]
    side: Option<Whose>,
    /// Judge only the last so many seconds of it.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=Window::SECONDS_MAX))]
    last: Option<i64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    En,
    Zh,
}

#[derive(Clone, Copy, ValueEnum)]
enum Whose {
    Viewer,
    Agent,
}

/// The file could not be read or judged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(String);

/// Prints the verdict.
pub(super) fn run(args: &DiagnoseArgs) -> anyhow::Result<()> {
    let bytes = read_file(&args.file)?;
    let side = args.side.map(|side| match side {
        Whose::Viewer => Side::Viewer,
        Whose::Agent => Side::Agent,
    });
    let parsed =
        read::parse_as(&bytes, side).map_err(|error| Unreadable(format!("{}: {error}", args.file.display())))?;
    let whole = diagnose(&parsed.trace, None);
    let window = args.last.zip(whole.window).map(|(seconds, window)| Window::last(window.to_ms, seconds));
    let found = if window.is_some() { diagnose(&parsed.trace, window) } else { whole };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found).context("cannot write the verdict")?);
    } else {
        print!("{}", report(&parsed, &found, args.lang));
    }
    Ok(())
}

/// Reads no more than can be judged.
fn read_file(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let failed = |error: std::io::Error| Unreadable(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let bound = FILE_BYTES_MAX as u64 + 1;
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(bound).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(bound).read_to_end(&mut bytes).map_err(failed)?;
    }
    unpacked(bytes).map_err(failed)
}

/// What Chrome packs when it writes a dump. Stops at what can be judged, whatever a file pretends to hold.
fn unpacked(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    const GZIP: &[u8] = b"\x1f\x8b";
    if !bytes.starts_with(GZIP) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(&bytes[..]).take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut plain);
    // A file that was cut off says what it has; the reader tells where it ends.
    match read {
        Err(error) if plain.is_empty() => Err(error),
        _ => Ok(plain),
    }
}

/// The verdict for reading.
fn report(parsed: &Parsed, found: &Diagnosis, lang: Language) -> String {
    use std::fmt::Write as _;
    let said = |text: &Text| match lang {
        Language::En => text.en.clone(),
        Language::Zh => text.zh.clone(),
    };
    let verdict = &found.verdict;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "{}", said(&verdict.summary.agent));
    let _ = writeln!(out, "\n  cause       {} ({:.0} % sure)", verdict.cause, verdict.confidence * 100.0);
    if let Some(window) = found.window {
        let _ = writeln!(out, "  judged      {} s", (window.to_ms - window.from_ms) / 1_000 + 1);
    }
    for (title, all) in [("for it", &verdict.evidence), ("against it", &verdict.contradicting)] {
        for (at, one) in all.iter().enumerate() {
            let _ = writeln!(out, "  {:<11} {}", if at == 0 { title } else { "" }, said(&one.text()));
        }
    }
    for (at, one) in verdict.ruled_out.iter().enumerate() {
        let title = if at == 0 { "ruled out" } else { "" };
        let _ = writeln!(out, "  {title:<11} {}: {}", one.cause, said(&one.by.text()));
    }
    if let Some(also) = &verdict.also {
        let _ = writeln!(out, "  also        {} ({:.0} % sure)", also.cause, also.confidence * 100.0);
    }
    if verdict.own_share {
        let _ = writeln!(out, "  note        a shortage began with our own share and is blamed on nobody");
    }
    if !verdict.needs.is_empty() {
        let needs: Vec<String> = verdict.needs.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "  would help  {}", needs.join(", "));
    }
    let _ = writeln!(out, "  issues      {}", found.issues.iter().filter(|issue| !issue.context).count());
    let _ = writeln!(out, "  read as     {}", parsed.form);
    for remark in &parsed.remarks {
        let _ = writeln!(out, "  remark      {remark}");
    }
    out
}
