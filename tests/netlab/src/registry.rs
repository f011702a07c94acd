//! The laboratories of this machine: one folder each under `/run/sightline-netlab`, with what tells whether its process
//! lives, its network's number, the control socket and the certificate. Starting one clears away what dead ones left.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::namespaces;

/// Where all laboratories are written down.
const FOLDER: &str = "/run/sightline-netlab";
/// Networks are 10.213.N.0/24: N from 0 to this.
const NUMBER_MAX: u8 = 255;

/// What is written down of a laboratory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its name: the process and a count within it.
    pub id: String,
    /// The process.
    pub pid: u32,
    /// When that was started, in the kernel's ticks: a number that is used again names another process.
    pub started: u64,
    /// Number of its network.
    pub number: u8,
    /// Where browsers find the product in it, once it is there.
    pub url: Option<String>,
}

/// A laboratory's place. Dropping it removes the folder, and the way from the host.
pub(crate) struct Entry {
    pub(crate) record: Record,
}

impl Entry {
    /// Removes what dead laboratories left, then takes a free number.
    pub(crate) fn claim() -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let _lock = lock().with_context(|| format!("cannot use {FOLDER} (this needs root)"))?;
        let living = clear_dead();
        let free = |number: &u8| {
            !living.iter().any(|record| record.number == *number)
                && !namespaces::is_taken(Ipv4Addr::new(10, 213, *number, 1))
        };
        let Some(number) = (0..=NUMBER_MAX).find(free) else { bail!("all networks 10.213.0.0/16 are taken") };
        let pid = std::process::id();
        let record = Record {
            id: format!("{pid}-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            pid,
            started: started(pid).context("cannot read /proc")?,
            number,
            url: None,
        };
        let entry = Self { record };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(entry.folder())?;
        entry.write()?;
        Ok(entry)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        folder(&self.record.id)
    }

    /// Says where the product is.
    pub(crate) fn set_url(&mut self, url: &str) -> io::Result<()> {
        self.record.url = Some(url.to_owned());
        self.write()
    }

    /// Replaces the file at once, since others read it at any time.
    fn write(&self) -> io::Result<()> {
        let (file, new) = (self.folder().join("lab.json"), self.folder().join("lab.json.new"));
        fs::write(&new, serde_json::to_vec(&self.record)?)?;
        fs::rename(new, file)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        namespaces::part_from_host(&self.record.id);
        let _ = fs::remove_dir_all(self.folder());
    }
}

/// The laboratories that run now.
#[must_use]
pub fn living() -> Vec<Record> {
    records().into_iter().filter(is_alive).collect()
}

/// The one laboratory that runs, or the one called `id`.
///
/// # Errors
/// When there is none, or more than one and no `id`; the message lists them.
pub fn find(id: Option<&str>) -> anyhow::Result<Record> {
    let mut living = living();
    let names = living.iter().map(|record| record.id.as_str()).collect::<Vec<_>>().join(", ");
    match id {
        Some(id) => match living.into_iter().find(|record| record.id == id) {
            Some(record) => Ok(record),
            None if names.is_empty() => bail!("no laboratory {id}: none runs"),
            None => bail!("no laboratory {id}; running: {names}"),
        },
        None => match living.len() {
            1 => Ok(living.remove(0)),
            0 => bail!("no laboratory runs; start one with `netlab run` or `netlab demo`"),
            _ => bail!("several laboratories run: choose one by --lab ({names})"),
        },
    }
}

/// The folder of a laboratory.
#[must_use]
pub fn folder(id: &str) -> PathBuf {
    Path::new(FOLDER).join(id)
}

/// The control socket of a laboratory.
#[must_use]
pub fn control_socket(id: &str) -> PathBuf {
    folder(id).join("control.sock")
}

fn records() -> Vec<Record> {
    let Ok(entries) = fs::read_dir(FOLDER) else { return Vec::new() };
    let files = entries.flatten().map(|entry| entry.path().join("lab.json"));
    let mut found: Vec<Record> = files.filter_map(|file| serde_json::from_slice(&fs::read(file).ok()?).ok()).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// Removes folders and namespaces of laboratories whose process is gone. Returns the living ones.
fn clear_dead() -> Vec<Record> {
    let living = living();
    let lives = |name: &str| living.iter().any(|record| record.id == name);
    for namespace in namespaces::existing() {
        // netlab-PID-COUNT-SITE
        let id = namespace.trim_start_matches(namespaces::PREFIX).splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
        if !lives(&id) {
            namespaces::part_from_host(&id);
            namespaces::remove(&namespace);
        }
    }
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        if entry.path().is_dir() && !lives(&entry.file_name().to_string_lossy()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    living
}

fn is_alive(record: &Record) -> bool {
    started(record.pid) == Some(record.started)
}

/// When a process was started: the 22nd field of its `stat`, the 20th after the name in brackets.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Held while laboratories are looked through, so that two that start at once see each other. Closing gives it back.
fn lock() -> io::Result<File> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)?;
    let file = File::create(Path::new(FOLDER).join("lock"))?;
    file.lock()?;
    Ok(file)
}
