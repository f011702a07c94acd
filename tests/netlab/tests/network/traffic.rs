//! Numbered, timed datagrams through a laboratory.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use netlab::lab::{Lab, LabOptions, SiteOptions};
use netlab::protocol::Request;
use serde_json::{Value, json};

/// Bytes of IPv4 and UDP headers.
pub(crate) const HEADERS: usize = 28;
/// A receiver gives up after this long without a datagram.
const SILENCE: Duration = Duration::from_millis(700);

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// When the kernel received it, ns.
    pub(crate) at: i128,
    /// How long it was on the way, ns.
    pub(crate) took: i128,
}

/// A laboratory with the sites `viewer` and `agent`, and a seed.
pub(crate) fn lab(seed: u64) -> Lab {
    let site = |name: &str| SiteOptions { name: name.to_owned(), ..SiteOptions::default() };
    let options = LabOptions { sites: vec![site("viewer"), site("agent")], seed, real_time: true };
    Lab::start(options).expect("a laboratory")
}

/// Changes a direction of the viewer's link.
pub(crate) fn set(lab: &Lab, direction: &str, change: &Value) {
    let fields = change.as_object().cloned();
    let (up, down) = if direction == "up" { (fields, None) } else { (None, fields) };
    ask(lab, &Request::Set { site: "viewer".to_owned(), up, down, nat: None });
}

/// Asks for what is not refused.
pub(crate) fn ask(lab: &Lab, request: &Request) {
    lab.control().expect("a connection").ask(request).expect("done");
}

/// Back to a clean line, counters at zero.
pub(crate) fn reset(lab: &Lab) {
    let clean = json!({"delayMs": 0, "jitterMs": 0, "loss": 0, "gilbertElliott": null, "rateBps": null});
    set(lab, "up", &clean);
    set(lab, "down", &clean);
    ask(lab, &Request::Counters { site: None, reset: true });
}

/// A socket in a site, with a buffer for a second at full rate.
pub(crate) fn socket(lab: &Lab, site: &str) -> UdpSocket {
    let address = address(lab, site);
    let socket = lab.within(site, || UdpSocket::bind(address)).expect("the site").expect("a socket");
    let bytes: libc::c_int = 8_000_000;
    // SAFETY: the pointer is to an int of ours, and its size is told.
    unsafe {
        let level = libc::SOL_SOCKET;
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, libc::SO_RCVBUFFORCE, (&raw const bytes).cast(), size);
    }
    socket.set_read_timeout(Some(SILENCE)).expect("a timeout");
    socket
}

fn address(lab: &Lab, site: &str) -> SocketAddr {
    let view = lab.view();
    let place = view.sites.iter().find(|one| one.name == site).map_or(&view.server, |one| &one.place);
    format!("{}:0", place.address).parse().expect("an address")
}

/// Sends `count` datagrams of `bytes` payload, one every `every`; late ones at once. To be called on a thread of its own, which
/// runs first from then on: the line is measured, not how busy the machine is.
pub(crate) fn send(socket: &UdpSocket, to: SocketAddr, count: u32, every: Duration, bytes: usize) {
    let _ = netlab::sys::run_first();
    let mut datagram = vec![0_u8; bytes];
    let start = Instant::now();
    for number in 0..count {
        if let Some(left) = (every * number).checked_sub(start.elapsed()) {
            std::thread::sleep(left);
        }
        datagram[..4].copy_from_slice(&number.to_be_bytes());
        datagram[4..20].copy_from_slice(&real_time().to_be_bytes());
        // The kernel's queue toward the device holds 10,000: this does not block or fail.
        socket.send_to(&datagram, to).expect("sent");
    }
}

/// Receives until it has been silent.
pub(crate) fn receive(socket: &UdpSocket) -> Vec<Arrival> {
    let mut datagram = [0_u8; 2_048];
    let mut arrivals = Vec::new();
    loop {
        match socket.recv(&mut datagram) {
            Ok(count) if count >= 20 => {
                let at = received_at(socket).expect("a time stamp");
                let number = u32::from_be_bytes(datagram[..4].try_into().expect("4 bytes"));
                let sent = i128::from_be_bytes(datagram[4..20].try_into().expect("16 bytes"));
                arrivals.push(Arrival { number, at, took: at - sent });
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return arrivals;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends from one site to another and returns what arrived.
pub(crate) fn flow(lab: &Lab, [from, to]: [&str; 2], count: u32, every: Duration, bytes: usize) -> Vec<Arrival> {
    let (near, far) = (socket(lab, from), socket(lab, to));
    let address = far.local_addr().expect("an address");
    stamp(&far);
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&far));
        scope.spawn(|| send(&near, address, count, every, bytes));
        receiver.join().expect("a receiver")
    })
}

/// Lets the kernel stamp what the socket receives from now on.
pub(crate) fn stamp(socket: &UdpSocket) {
    let _ = received_at(socket);
    // Other parts of the kernel learn of it by a work queue.
    std::thread::sleep(Duration::from_millis(50));
}

/// The wall clock, ns.
fn real_time() -> i128 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// When the kernel received the datagram that was read last, by the wall clock, ns.
fn received_at(socket: &UdpSocket) -> io::Result<i128> {
    /// `SIOCGSTAMPNS` of 64-bit machines.
    const GET_STAMP: libc::Ioctl = 0x8907;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    if unsafe { libc::ioctl(socket.as_raw_fd(), GET_STAMP, &raw mut time) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec))
}

/// The value below which the given share of the values lies.
pub(crate) fn percentile(sorted: &[i128], share: f64) -> i128 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
