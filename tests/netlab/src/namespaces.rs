//! Namespaces and devices of a laboratory: made, addressed and joined with the host, and removed. Also those that dead
//! laboratories left behind. Uses `ip` (iproute2).

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::sys;

/// Where `ip` keeps namespaces.
const NETNS_DIR: &str = "/run/netns";
/// How all of ours begin.
pub(crate) const PREFIX: &str = "netlab-";
/// The device in each site. Its name says Ethernet: browsers leave tunnels out when they look for networks.
pub const DEVICE: &str = "eth0";
/// Packets that may wait in a device for the bridge; at 100,000 packets a second, 0.1 s.
const DEVICE_QUEUE: u32 = 10_000;

/// The file of a namespace.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(NETNS_DIR).join(name)
}

/// A namespace of ours. Dropping it ends the processes in it and removes it.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one with a TUN device that has `address` and is the way to everywhere. Returns the device.
    pub(crate) fn create(name: String, address: Ipv4Addr) -> anyhow::Result<(Self, OwnedFd)> {
        ip(&["netns", "add", &name]).with_context(|| format!("cannot make the namespace {name}"))?;
        let made = Self { name };
        let tun = made.within(|| {
            // What the laboratory does not carry must not be tried first. A kernel without IPv6 has no such files.
            for scope in ["all", "default"] {
                let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
            }
            sys::open_tun(DEVICE)
        })?;
        let tun = tun.context("cannot make a TUN device")?;
        made.batch(&format!(
            "link set lo up\naddr add {address}/32 dev {DEVICE}\nlink set {DEVICE} txqueuelen {DEVICE_QUEUE} up\nroute add default dev {DEVICE}\n"
        ))?;
        Ok((made, tun))
    }

    /// Joins this namespace with the host, so that programs outside reach `address` in it. `near` and `far` are the ends'
    /// own addresses.
    pub(crate) fn join_host(&self, device: &str, address: Ipv4Addr, [near, far]: [Ipv4Addr; 2]) -> anyhow::Result<()> {
        ip(&["link", "add", device, "type", "veth", "peer", "name", "host0", "netns", &self.name])?;
        self.batch(&format!("addr add {far} peer {near} dev host0\nlink set host0 up\n"))?;
        ip(&["addr", "add", &near.to_string(), "peer", &far.to_string(), "dev", device])?;
        ip(&["link", "set", device, "up"])?;
        ip(&["route", "add", &address.to_string(), "via", &far.to_string(), "dev", device])
    }

    pub(crate) fn path(&self) -> PathBuf {
        path(&self.name)
    }

    /// Runs `work` on a thread inside.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        within(&self.path(), work)
    }

    fn batch(&self, commands: &str) -> anyhow::Result<()> {
        let mut child = Command::new("ip")
            .args(["-n", &self.name, "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run ip (iproute2)")?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(commands.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("ip -n {}: {}", self.name, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Runs `work` on a thread inside the namespace with this file.
///
/// # Errors
/// When the namespace cannot be entered.
///
/// # Panics
/// When `work` does.
pub fn within<T: Send>(namespace: &Path, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    let inside = || sys::enter_namespace(namespace).map(|()| work());
    let done = std::thread::scope(|scope| scope.spawn(inside).join());
    match done {
        Ok(done) => done.with_context(|| format!("cannot enter {}", namespace.display())),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Names of the namespaces on this machine that are laboratories'.
pub(crate) fn existing() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(NETNS_DIR) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(PREFIX)).collect()
}

/// The host's end of the device pair that joins it with the laboratory of this name: within the 15 letters that a device's
/// name may have.
pub(crate) fn host_device(id: &str) -> String {
    format!("nl{id}")
}

/// Takes the joining pair away now: by itself it goes some time after its namespace.
pub(crate) fn part_from_host(id: &str) {
    let _ = ip(&["link", "del", &host_device(id)]);
}

/// Ends the processes in a namespace of ours and removes it.
pub(crate) fn remove(name: &str) {
    if let Ok(output) = Command::new("ip").args(["netns", "pids", name]).stderr(Stdio::null()).output() {
        let pids = String::from_utf8_lossy(&output.stdout).into_owned();
        // Never this process, should a thread of it still be inside.
        let others = pids.split_whitespace().filter_map(|pid| pid.parse().ok());
        others.filter(|pid| *pid != std::process::id()).for_each(sys::kill);
    }
    let _ = ip(&["netns", "del", name]);
}

/// Whether an address is on the way of a network that this machine already knows closely (/16 or less); read from
/// `/proc/net/route`.
pub(crate) fn is_taken(address: Ipv4Addr) -> bool {
    /// Networks wider than this give way to the laboratory's own, narrower routes.
    const CLOSE: u32 = 16;
    let Ok(table) = std::fs::read_to_string("/proc/net/route") else { return false };
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| fields.get(at).and_then(|field| u32::from_str_radix(field, 16).ok()).map(u32::from_be);
        let (Some(network), Some(mask)) = (hex(1), hex(7)) else { return false };
        // Either lies in the other's /24.
        let wide = mask & 0xffff_ff00;
        mask.count_ones() >= CLOSE && u32::from(address) & wide == network & wide
    })
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let output = output.context("cannot run ip (iproute2)")?;
    if !output.status.success() {
        bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
