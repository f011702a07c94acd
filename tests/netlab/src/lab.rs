//! A laboratory as a whole: started with its sites, used, and cleared away when dropped.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::RawFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};

use crate::bridge::Bridge;
use crate::certificate;
use crate::control::Control;
use crate::hub::{Hub, SitePlan};
use crate::namespaces::{self, Namespace};
use crate::protocol::{LabView, PlaceView, SiteView};
use crate::registry::{self, Entry};
use crate::settings::LineSettings;
use crate::sys::{self, Flag};

/// Name of the server's site.
pub const SERVER: &str = "server";
/// Sites beside the server's: each has sixteen addresses of 256, the server and the host take two such blocks.
pub const SITES_MAX: usize = 14;
/// Longest name of a site: namespaces and messages stay readable.
const NAME_MAX: usize = 16;

/// A site to be made.
#[derive(Clone, Debug, Default)]
pub struct SiteOptions {
    /// Name: small letters, digits, dashes; beginning with a letter.
    pub name: String,
    /// The link from the site.
    pub up: LineSettings,
    /// The link to it.
    pub down: LineSettings,
    /// Whether its addresses are translated.
    pub nat: bool,
}

/// A laboratory to be started.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// Sites beside the server's.
    pub sites: Vec<SiteOptions>,
    /// What decides the fates of packets.
    pub seed: u64,
    /// Whether the bridge may run before ordinary threads. Where the kernel refuses, it runs as one of them.
    pub real_time: bool,
}

/// A running laboratory. Dropping it ends the processes in its namespaces and removes all of it.
pub struct Lab {
    // In this order of removal: the bridge first, which holds the devices.
    bridge: Option<JoinHandle<io::Result<()>>>,
    stop: Arc<Flag>,
    namespaces: Vec<(String, Namespace)>,
    entry: Entry,
    view: LabView,
}

/// Why no laboratory can be started here, if so.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !sys::is_root() {
        return Some("this needs root: network namespaces and TUN devices".to_owned());
    }
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("no TUN devices here: /dev/net/tun: {error}"));
    }
    None
}

impl Lab {
    /// Makes the namespaces, joins them, and starts the bridge. First clears away what dead laboratories left.
    ///
    /// # Errors
    /// When a name or a setting is refused, or when the machine does not allow it (see [`obstacle`]). What was made until
    /// then is removed.
    pub fn start(options: LabOptions) -> anyhow::Result<Self> {
        check(&options.sites)?;
        if let Some(obstacle) = obstacle() {
            bail!(obstacle);
        }
        let entry = Entry::claim()?;
        let (id, net) = (entry.record.id.clone(), entry.record.number);
        let address = |last: u8| Ipv4Addr::new(10, 213, net, last);
        let server = address(1);
        let create =
            |name: &str, address: Ipv4Addr| Namespace::create(format!("{}{id}-{name}", namespaces::PREFIX), address);
        let (mut made, mut devices) = (Vec::new(), Vec::new());
        let (namespace, device) = create(SERVER, server)?;
        namespace.join_host(&namespaces::host_device(&id), server, [address(253), address(254)])?;
        let server_view = place(server, &namespace);
        made.push((SERVER.to_owned(), namespace));
        devices.push(device);
        let (mut plans, mut sites) = (Vec::new(), Vec::new());
        for (index, site) in options.sites.into_iter().enumerate() {
            let block = 16 * (index as u8 + 1);
            let plan = SitePlan {
                name: site.name,
                private: (block + 2..block + 8).map(address).collect(),
                public: (block + 8..block + 16).map(address).collect(),
                nat: site.nat,
                up: site.up,
                down: site.down,
            };
            let (namespace, device) = create(&plan.name, plan.private[0])?;
            sites.push(SiteView {
                name: plan.name.clone(),
                place: place(plan.private[0], &namespace),
                public_address: None,
                is_up: true,
                up: plan.up.clone(),
                down: plan.down.clone(),
            });
            made.push((plan.name.clone(), namespace));
            devices.push(device);
            plans.push(plan);
        }
        let socket = registry::control_socket(&id);
        let view = LabView {
            seed: options.seed,
            control: socket.display().to_string(),
            server: server_view,
            certificate: certificate::create(&entry.folder(), server)?,
            real_time: false,
            sites,
            id,
        };
        let hub = Hub::new(options.seed, server, plans);
        let listener = UnixListener::bind(&socket).context("cannot make the control socket")?;
        let stop = Arc::new(Flag::new()?);
        let bridge = Bridge::new(hub, devices, listener, view.clone(), Arc::clone(&stop))?;
        let mut lab = Self { bridge: None, stop, namespaces: made, entry, view };
        lab.run(bridge, options.real_time)?;
        Ok(lab)
    }

    fn run(&mut self, bridge: Bridge, real_time: bool) -> anyhow::Result<()> {
        let run = move || bridge.run(real_time);
        self.bridge = Some(std::thread::Builder::new().name("bridge".to_owned()).spawn(run)?);
        self.view = self.control()?.get()?;
        Ok(())
    }

    /// The laboratory as it was at its start.
    #[must_use]
    pub fn view(&self) -> &LabView {
        &self.view
    }

    /// A new control connection.
    ///
    /// # Errors
    /// When the bridge has ended.
    pub fn control(&self) -> anyhow::Result<Control> {
        Control::connect(Path::new(&self.view.control))
    }

    /// Writes down where browsers find the product, for `netlab browser`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_url(&mut self, url: &str) -> anyhow::Result<()> {
        Ok(self.entry.set_url(url)?)
    }

    /// The laboratory's own folder, which goes with it.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.entry.folder()
    }

    /// The file of a site's namespace.
    #[must_use]
    pub fn namespace(&self, site: &str) -> Option<PathBuf> {
        self.namespaces.iter().find(|(name, _)| name == site).map(|(_, namespace)| namespace.path())
    }

    /// Runs `work` on a thread in a site: sockets that it makes belong there for good.
    ///
    /// # Errors
    /// When there is no such site.
    pub fn within<T: Send>(&self, site: &str, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        namespaces::within(&self.namespace(site).with_context(|| format!("no site {site}"))?, work)
    }

    /// Clears away, and tells how the bridge ended: the exit code of a program that was for it alone.
    ///
    /// # Errors
    /// When the bridge had a fault.
    pub(crate) fn finish(mut self) -> anyhow::Result<ExitCode> {
        self.stop.raise();
        match self.bridge.take().map(JoinHandle::join) {
            Some(Ok(Ok(()))) | None => Ok(ExitCode::SUCCESS),
            Some(Ok(Err(error))) => Err(error).context("the bridge has ended"),
            Some(Err(_)) => bail!("the bridge has panicked"),
        }
    }

    /// Readable once the bridge has ended, by `quit` or by a fault.
    pub(crate) fn ended_fd(&self) -> RawFd {
        self.stop.fd()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.raise();
        if let Some(bridge) = self.bridge.take() {
            let _ = bridge.join();
        }
    }
}

fn place(address: Ipv4Addr, namespace: &Namespace) -> PlaceView {
    PlaceView { address: address.to_string(), namespace: namespace.path().display().to_string() }
}

/// Checks names and settings.
pub(crate) fn check(sites: &[SiteOptions]) -> anyhow::Result<()> {
    if sites.len() > SITES_MAX {
        bail!("{} sites; at most {SITES_MAX} fit", sites.len());
    }
    for (index, site) in sites.iter().enumerate() {
        let name = &site.name;
        let fits = name.len() <= NAME_MAX
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-');
        if !fits {
            bail!(
                "a site's name is small letters, digits and dashes, at most {NAME_MAX}, beginning with a letter: not {name:?}"
            );
        }
        if name == SERVER || sites[..index].iter().any(|other| other.name == *name) {
            bail!("there is already a site {name}");
        }
        for (direction, settings) in [("up", &site.up), ("down", &site.down)] {
            settings.validate().with_context(|| format!("{name}, {direction}"))?;
        }
    }
    Ok(())
}
