//! The bridge's loop: one thread that reads devices, asks the hub what is due, writes devices, and answers the control
//! socket. It sleeps until the next release or event; an idle laboratory costs nothing.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use crate::hub::{Device, Direction, Hub};
use crate::protocol::{Answer, CountersView, LabView, REQUEST_BYTES_MAX, Request, SiteCounters, SiteView};
use crate::settings::PACKET_BYTES_MAX;
use crate::sys::{self, Epoll, Flag, Timer};

/// Packets read from one device before what is due goes out: a burst must not hold up releases.
const BATCH: usize = 64;
/// Control connections at once: a test, a person, and room.
const CLIENTS_MAX: usize = 16;

const TIMER: u64 = 0;
const STOP: u64 = 1;
const LISTENER: u64 = 2;
/// Devices are this plus their place, the server's first.
const FIRST_DEVICE: u64 = 1_000;
/// Control connections are this plus a count.
const FIRST_CLIENT: u64 = 1_000_000;

/// All that the loop runs on.
pub(crate) struct Bridge {
    hub: Hub,
    /// The server's device and those of the sites, in the hub's order.
    devices: Vec<OwnedFd>,
    refused: u64,
    view: LabView,
    stop: Arc<Flag>,
    timer: Timer,
    epoll: Epoll,
    listener: UnixListener,
    clients: HashMap<u64, Client>,
    next_client: u64,
    running: bool,
}

/// A control connection and the line it is in the middle of.
struct Client {
    stream: UnixStream,
    line: Vec<u8>,
}

impl Bridge {
    /// A bridge between these devices. `view` is what `get` answers, but for what changes.
    pub(crate) fn new(
        hub: Hub,
        devices: Vec<OwnedFd>,
        listener: UnixListener,
        view: LabView,
        stop: Arc<Flag>,
    ) -> io::Result<Self> {
        let (timer, epoll) = (Timer::new()?, Epoll::new()?);
        listener.set_nonblocking(true)?;
        epoll.add(timer.fd(), TIMER)?;
        epoll.add(stop.fd(), STOP)?;
        epoll.add(listener.as_raw_fd(), LISTENER)?;
        for (place, device) in devices.iter().enumerate() {
            epoll.add(device.as_raw_fd(), FIRST_DEVICE + place as u64)?;
        }
        let (clients, next_client) = (HashMap::new(), FIRST_CLIENT);
        Ok(Self { hub, devices, refused: 0, view, stop, timer, epoll, listener, clients, next_client, running: true })
    }

    /// Runs until it is told to stop. `real_time`: before ordinary threads, where that is allowed.
    pub(crate) fn run(mut self, real_time: bool) -> io::Result<()> {
        self.view.real_time = real_time && sys::run_first();
        let mut ready = Vec::new();
        while self.running {
            self.timer.set(self.hub.next_at())?;
            self.epoll.wait(&mut ready)?;
            for token in &ready {
                match *token {
                    TIMER => self.timer.fired(),
                    STOP => self.running = false,
                    LISTENER => self.accept(),
                    client if client >= FIRST_CLIENT => self.serve(client),
                    device => self.read_device((device - FIRST_DEVICE) as usize)?,
                }
            }
            self.release();
        }
        Ok(())
    }

    fn read_device(&mut self, place: usize) -> io::Result<()> {
        let from = if place == 0 { Device::Server } else { Device::Site(place - 1) };
        for _ in 0..BATCH {
            let mut buffer = self.hub.buffer();
            match sys::read_packet(self.devices[place].as_raw_fd(), &mut buffer, PACKET_BYTES_MAX) {
                Ok(()) => self.hub.arrive(sys::now(), from, buffer),
                Err(error) => {
                    self.hub.recycle(buffer);
                    return match error.kind() {
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
                        _ => Err(error),
                    };
                }
            }
        }
        Ok(())
    }

    fn release(&mut self) {
        let Self { hub, devices, refused, .. } = self;
        hub.release(sys::now(), |device, packet| {
            let place = match device {
                Device::Server => 0,
                Device::Site(index) => index + 1,
            };
            if sys::write(devices[place].as_raw_fd(), packet).is_err() {
                *refused += 1;
            }
        });
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            // Answers are short and fit the socket's buffer. A client that does not read them is dropped.
            let usable = self.clients.len() < CLIENTS_MAX
                && stream.set_nonblocking(true).is_ok()
                && self.epoll.add(stream.as_raw_fd(), self.next_client).is_ok();
            if usable {
                self.clients.insert(self.next_client, Client { stream, line: Vec::new() });
                self.next_client += 1;
            }
        }
    }

    /// Reads what a client has sent and answers every complete line.
    fn serve(&mut self, token: u64) {
        let Some(mut client) = self.clients.remove(&token) else { return };
        let mut chunk = [0_u8; 4_096];
        match client.stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => client.line.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        while let Some(end) = client.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = client.line.drain(..=end).collect();
            let answer = match serde_json::from_slice(&line) {
                Ok(request) => self.answer(request),
                Err(error) => Answer::refused(format!("not a request: {error}")),
            };
            if send(&mut client.stream, &answer).is_err() {
                return;
            }
        }
        if client.line.len() > REQUEST_BYTES_MAX {
            let _ = send(&mut client.stream, &Answer::refused("the line is too long"));
            return;
        }
        self.clients.insert(token, client);
    }

    fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Get => Answer { lab: Some(self.view()), ..Answer::done() },
            Request::Counters { site: None, reset } => self.counters((0..self.hub.sites()).collect(), reset),
            Request::Counters { site: Some(site), reset } => {
                self.with_site(&site, |bridge, index| bridge.counters(vec![index], reset))
            }
            Request::Set { site, up, down, nat } => self.with_site(&site, |bridge, index| {
                let changes = [(Direction::Up, up), (Direction::Down, down)];
                // All are checked before one is made.
                let mut checked = Vec::new();
                for (direction, change) in changes {
                    let Some(change) = change else { continue };
                    match bridge.hub.settings(index, direction).merged(&change) {
                        Ok(settings) => checked.push((direction, settings)),
                        Err(error) => return Answer::refused(error.to_string()),
                    }
                }
                for (direction, settings) in checked {
                    bridge.hub.set(sys::now(), index, direction, settings);
                }
                if let Some(on) = nat {
                    bridge.hub.set_nat(index, on);
                }
                Answer::done()
            }),
            Request::Down { site, carrier } => self.with_site(&site, |bridge, index| {
                bridge.hub.set_up(index, false);
                if carrier { bridge.set_carrier(index, false) } else { Answer::done() }
            }),
            Request::Up { site } => self.with_site(&site, |bridge, index| {
                bridge.hub.set_up(index, true);
                bridge.set_carrier(index, true)
            }),
            Request::Rebind { site, tcp, address } => self.with_site(&site, |bridge, index| {
                if bridge.hub.rebind(index, tcp, address) {
                    return Answer::done();
                }
                Answer::refused(format!("addresses of {site} are not translated: switch nat on first"))
            }),
            Request::Quit => {
                self.running = false;
                Answer::done()
            }
        }
    }

    fn with_site(&mut self, name: &str, then: impl FnOnce(&mut Self, usize) -> Answer) -> Answer {
        match self.hub.find(name) {
            Some(index) => then(self, index),
            None => {
                let names = self.view.sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", ");
                Answer::refused(format!("no site {name}; there are: {names}"))
            }
        }
    }

    fn set_carrier(&self, index: usize, on: bool) -> Answer {
        match sys::set_carrier(self.device(index), on) {
            Ok(()) => Answer::done(),
            Err(error) => Answer::refused(format!("the device's carrier cannot be switched: {error}")),
        }
    }

    fn device(&self, index: usize) -> RawFd {
        self.devices[index + 1].as_raw_fd()
    }

    fn view(&self) -> LabView {
        let sites = self.view.sites.iter().enumerate().map(|(index, site)| SiteView {
            public_address: self.hub.public(index).map(|address| address.to_string()),
            is_up: self.hub.is_up(index),
            up: self.hub.settings(index, Direction::Up).clone(),
            down: self.hub.settings(index, Direction::Down).clone(),
            ..site.clone()
        });
        LabView { sites: sites.collect(), ..self.view.clone() }
    }

    fn counters(&mut self, indices: Vec<usize>, reset: bool) -> Answer {
        let sites = indices.iter().map(|index| SiteCounters {
            name: self.hub.plan(*index).name.clone(),
            up: self.hub.counters(*index, Direction::Up),
            down: self.hub.counters(*index, Direction::Down),
        });
        let counters = CountersView {
            unroutable: self.hub.unroutable(),
            untranslated: self.hub.untranslated(),
            refused: self.refused,
            sites: sites.collect(),
        };
        if reset {
            indices.iter().for_each(|index| self.hub.reset_counters(*index));
        }
        Answer { counters: Some(counters), ..Answer::done() }
    }
}

impl Drop for Bridge {
    /// However the loop ends, those who wait for its end are told.
    fn drop(&mut self) {
        self.stop.raise();
    }
}

fn send(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}
