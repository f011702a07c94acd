//! A worker's UDP socket: batches in by `recvmmsg`, batches out by `sendmmsg`, runs of equal datagrams to one peer by
//! UDP segmentation offload, the local address of each datagram by packet information. All the driver's unsafe code on
//! sockets is here.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Datagrams taken or sent in one system call.
pub(super) const BATCH: usize = 64;
/// Largest datagram taken. Ethernet's MTU and some; what is larger is not ours.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// Socket buffers asked for: a quarter of a second at 128 Mbit/s. The kernel may grant less (`net.core.rmem_max`).
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Room for one packet information and one segment size message, in words for their alignment.
const CONTROL_WORDS: usize = 16;
/// Segments in one offloaded send: the kernel's UDP_MAX_SEGMENTS.
const SEGMENTS_MAX: usize = 64;
/// Bytes in one offloaded send: below the largest UDP payload.
const SEGMENTED_BYTES_MAX: usize = 60_000;
/// How long one [`Udp::send`] waits for a full send buffer before what is left is dropped, as a congested network would.
const SEND_WAIT: Duration = Duration::from_millis(5);

/// A datagram to send.
#[derive(Debug)]
pub(super) struct Datagram {
    /// The local address it leaves from.
    pub(super) source: SocketAddr,
    /// Where to.
    pub(super) destination: SocketAddr,
    /// The bytes.
    pub(super) contents: Vec<u8>,
}

/// A bound, non-blocking socket.
pub(super) struct Udp {
    socket: Socket,
    local: SocketAddr,
    /// Whether the source address is set on each datagram: when bound to all addresses.
    pin_source: bool,
    /// Whether segmentation offload is used. Turned off for good when the kernel or the device has none.
    segmentation: bool,
}

/// Buffers for one `recvmmsg`.
pub(super) struct Inbox {
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<[u64; CONTROL_WORDS]>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// A datagram received.
pub(super) struct Received<'a> {
    /// Who sent it.
    pub(super) source: SocketAddr,
    /// The local address it was sent to, if the kernel told.
    pub(super) destination: Option<IpAddr>,
    /// The bytes.
    pub(super) bytes: &'a [u8],
}

impl Udp {
    /// Binds. An unspecified IPv6 address takes IPv4 too. `pin_source`: see [`Udp`].
    pub(super) fn bind(address: SocketAddr, pin_source: bool) -> io::Result<Self> {
        let socket =
            Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
        let v6 = address.is_ipv6();
        if v6 {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
        let (level, option) =
            if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) } else { (libc::IPPROTO_IP, libc::IP_PKTINFO) };
        set_option(socket.as_raw_fd(), level, option, 1)?;
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let segmentation = has_segmentation(socket.as_raw_fd());
        Ok(Self { socket, local, pin_source, segmentation })
    }

    /// The bound address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// For waiting.
    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Takes what has arrived, at most [`BATCH`]; answers how many. Nothing there is 0, not an error.
    pub(super) fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        inbox.prepare();
        // SAFETY: `headers` holds BATCH headers whose pointers were just set to live buffers of the stated lengths in
        // `inbox`, which is exclusively borrowed for the call. A null timeout is allowed.
        let received = unsafe {
            libc::recvmmsg(
                self.fd(),
                inbox.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        match usize::try_from(received) {
            Ok(received) => Ok(received),
            Err(_) => match io::Error::last_os_error() {
                // A refused earlier send is reported here on some kernels; it concerns no datagram of ours.
                e if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
                e if e.kind() == io::ErrorKind::ConnectionRefused => Ok(0),
                e => Err(e),
            },
        }
    }

    /// Sends all, as far as the network takes them; answers how many. What cannot be sent is dropped: media repairs
    /// itself, and a queue here would only add delay.
    pub(super) fn send(&mut self, datagrams: &[Datagram]) -> usize {
        let mut progress = Progress::default();
        while progress.done < datagrams.len() {
            self.send_batch(datagrams, &mut progress);
        }
        progress.sent
    }

    /// Sends datagrams from where `progress` stands, as many as one batch takes.
    fn send_batch(&mut self, datagrams: &[Datagram], progress: &mut Progress) {
        let rest = &datagrams[progress.done..];
        let runs = self.runs(rest, progress.single);
        let used: usize = runs.iter().sum();
        let mut outbox = Outbox::new(self.local.is_ipv6(), self.pin_source, &rest[..used], &runs);
        let mut done = 0;
        while done < runs.len() {
            let count = (runs.len() - done) as libc::c_uint;
            // SAFETY: the headers from `done` on are initialised and point into `outbox` and `datagrams`, both alive
            // and unmoved until the end of this function.
            let result = unsafe {
                libc::sendmmsg(self.fd(), outbox.headers[done..].as_mut_ptr(), count, libc::MSG_DONTWAIT as _)
            };
            if let Ok(messages @ 1..) = usize::try_from(result) {
                let datagrams = runs[done..done + messages].iter().sum();
                progress.advance(datagrams);
                progress.sent += datagrams;
                done += messages;
                continue;
            }
            let error = io::Error::last_os_error();
            match remedy(error.raw_os_error().unwrap_or_default(), runs[done]) {
                Remedy::Again => {}
                Remedy::Wait => {
                    if !self.wait_writable(progress) {
                        progress.done = datagrams.len();
                        return;
                    }
                }
                Remedy::OneByOne => {
                    progress.single = runs[done];
                    return;
                }
                Remedy::NeverSegment => {
                    tracing::info!(%error, "UDP segmentation offload is not available here");
                    self.segmentation = false;
                    return;
                }
                Remedy::Drop => {
                    tracing::debug!(%error, to = %datagrams[progress.done].destination, "not sent");
                    progress.advance(runs[done]);
                    done += 1;
                }
            }
        }
    }

    /// Lengths of runs that one message each carries: datagrams between the same addresses of the same size, the last of
    /// a run possibly smaller. At most [`BATCH`] runs; the first `single` datagrams are runs of their own.
    fn runs(&self, datagrams: &[Datagram], single: usize) -> Vec<usize> {
        let mut runs = Vec::with_capacity(BATCH.min(datagrams.len()));
        let mut at = 0;
        while at < datagrams.len() && runs.len() < BATCH {
            let length = if self.segmentation && at >= single { run(&datagrams[at..]) } else { 1 };
            runs.push(length);
            at += length;
        }
        runs
    }

    /// Waits for room in the send buffer. False when this call's time for that is over.
    fn wait_writable(&self, progress: &mut Progress) -> bool {
        let now = Instant::now();
        let left = progress.give_up_at.get_or_insert(now + SEND_WAIT).saturating_duration_since(now);
        let mut fds = [libc::pollfd { fd: self.fd(), events: libc::POLLOUT, revents: 0 }];
        !left.is_zero() && super::wait::poll(&mut fds, Some(left)) > 0
    }
}

/// How far one [`Udp::send`] has come.
#[derive(Default)]
struct Progress {
    /// Datagrams dealt with, sent or dropped.
    done: usize,
    /// Datagrams sent.
    sent: usize,
    /// Datagrams that come next and go one by one, since the run of them was refused.
    single: usize,
    /// When a full send buffer is no longer waited for; set when it is first found full.
    give_up_at: Option<Instant>,
}

impl Progress {
    fn advance(&mut self, datagrams: usize) {
        self.done += datagrams;
        self.single = self.single.saturating_sub(datagrams);
    }
}

/// What to do about a message that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Try again at once.
    Again,
    /// Try again when there is room in the send buffer.
    Wait,
    /// Send this run's datagrams one by one.
    OneByOne,
    /// Send everything one by one from now on.
    NeverSegment,
    /// Leave it, go on with the next.
    Drop,
}

/// The remedy for an error number upon a run of datagrams. What one destination, its route or its addresses cause must
/// not cost the others segmentation; only what the system says of itself does.
fn remedy(error: libc::c_int, run: usize) -> Remedy {
    match error {
        libc::EINTR => Remedy::Again,
        libc::EAGAIN => Remedy::Wait,
        libc::EIO | libc::EOPNOTSUPP if run > 1 => Remedy::NeverSegment,
        libc::EINVAL | libc::EMSGSIZE if run > 1 => Remedy::OneByOne,
        // ENOBUFS among them: the device's queue is full, and nobody tells when it is not.
        _ => Remedy::Drop,
    }
}

/// Whether the kernel knows segmentation offload: it takes the option's value for "off".
fn has_segmentation(fd: RawFd) -> bool {
    set_option(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok()
}

fn run(datagrams: &[Datagram]) -> usize {
    let first = &datagrams[0];
    let size = first.contents.len();
    let mut length = 1;
    while let Some(next) = datagrams.get(length) {
        let fits = length < SEGMENTS_MAX && (length + 1) * size <= SEGMENTED_BYTES_MAX;
        let same = next.destination == first.destination && next.source == first.source;
        if !fits || !same || next.contents.len() > size || next.contents.is_empty() {
            break;
        }
        length += 1;
        if next.contents.len() < size {
            break;
        }
    }
    length
}

impl Inbox {
    pub(super) fn new() -> Self {
        // SAFETY: all-zero bytes are valid values of these plain C structures.
        let (name, header) = unsafe { (zeroed::<libc::sockaddr_storage>(), zeroed::<libc::mmsghdr>()) };
        Self {
            bytes: vec![0; BATCH * DATAGRAM_BYTES_MAX],
            names: vec![name; BATCH],
            controls: vec![[0; CONTROL_WORDS]; BATCH],
            vectors: vec![libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH],
            headers: vec![header; BATCH],
        }
    }

    fn prepare(&mut self) {
        let chunks = self.bytes.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        for (i, chunk) in chunks.enumerate() {
            self.vectors[i] = libc::iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() };
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = (&raw mut self.names[i]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut self.vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].as_mut_ptr().cast();
            header.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
            header.msg_flags = 0;
        }
    }

    /// The datagram at `index` of the last batch; none if it was cut off or has no address of ours.
    pub(super) fn get(&self, index: usize) -> Option<Received<'_>> {
        let header = &self.headers[index];
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        // SAFETY: the kernel wrote a socket address of `msg_namelen` bytes there.
        let source = unsafe { SockAddr::new(std::mem::transmute_copy(&self.names[index]), header.msg_hdr.msg_namelen) };
        let start = index * DATAGRAM_BYTES_MAX;
        Some(Received {
            source: canonical(source.as_socket()?),
            destination: self.destination(index),
            bytes: &self.bytes[start..start + header.msg_len as usize],
        })
    }

    fn destination(&self, index: usize) -> Option<IpAddr> {
        let header = &self.headers[index].msg_hdr;
        // SAFETY: `msg_control` and `msg_controllen` describe the control buffer the kernel filled; the CMSG functions
        // stay within it, and a message of these types holds the structure read, possibly unaligned.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while let Some(m) = message.as_ref() {
                match (m.cmsg_level, m.cmsg_type) {
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info: libc::in_pktinfo =
                            libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                        return Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                    }
                    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                        let info: libc::in6_pktinfo =
                            libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().read_unaligned();
                        return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical());
                    }
                    _ => message = libc::CMSG_NXTHDR(header, message),
                }
            }
        }
        None
    }
}

/// Headers and what they point to for one `sendmmsg`.
struct Outbox {
    // Only pointed to; kept here to live as long as the headers.
    _names: Vec<SockAddr>,
    _controls: Vec<[u64; CONTROL_WORDS]>,
    _vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Outbox {
    fn new(v6: bool, pin_source: bool, datagrams: &[Datagram], runs: &[usize]) -> Self {
        let mut vectors: Vec<libc::iovec> = datagrams
            .iter()
            .map(|d| libc::iovec { iov_base: d.contents.as_ptr().cast_mut().cast(), iov_len: d.contents.len() })
            .collect();
        let mut starts = Vec::with_capacity(runs.len());
        let mut at = 0;
        for run in runs {
            starts.push(at);
            at += run;
        }
        let names: Vec<SockAddr> = starts.iter().map(|i| on_wire(datagrams[*i].destination, v6).into()).collect();
        let mut controls = vec![[0_u64; CONTROL_WORDS]; runs.len()];
        let mut headers = Vec::with_capacity(runs.len());
        for (i, (start, length)) in starts.iter().zip(runs).enumerate() {
            let first = &datagrams[*start];
            // SAFETY: all-zero bytes are a valid mmsghdr.
            let mut header: libc::mmsghdr = unsafe { zeroed() };
            let message = &mut header.msg_hdr;
            message.msg_name = names[i].as_ptr().cast_mut().cast();
            message.msg_namelen = names[i].len();
            message.msg_iov = &raw mut vectors[*start];
            message.msg_iovlen = *length as _;
            message.msg_control = controls[i].as_mut_ptr().cast();
            message.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
            let mut used = 0;
            if pin_source {
                used += put_source(message, used, first.source.ip(), v6);
            }
            if *length > 1 {
                let size = first.contents.len() as u16;
                used += put(message, used, libc::SOL_UDP, libc::UDP_SEGMENT, size);
            }
            message.msg_controllen = used as _;
            if used == 0 {
                message.msg_control = std::ptr::null_mut();
            }
            headers.push(header);
        }
        Self { _names: names, _controls: controls, _vectors: vectors, headers }
    }
}

fn put_source(message: &mut libc::msghdr, used: usize, source: IpAddr, v6: bool) -> usize {
    match (v6, source) {
        (false, IpAddr::V4(ip)) => {
            let address = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
            let info =
                libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: libc::in_addr { s_addr: 0 } };
            put(message, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        (false, IpAddr::V6(_)) => 0,
        (true, ip) => {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let address = libc::in6_addr { s6_addr: ip.octets() };
            let info = libc::in6_pktinfo { ipi6_addr: address, ipi6_ifindex: 0 };
            put(message, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

/// Appends a control message after `used` bytes of others; answers its space.
fn put<T>(message: &mut libc::msghdr, used: usize, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    let length = size_of::<T>() as libc::c_uint;
    // SAFETY: CMSG_SPACE only computes.
    let space = unsafe { libc::CMSG_SPACE(length) } as usize;
    assert!(used + space <= size_of::<[u64; CONTROL_WORDS]>(), "control messages fit their buffer");
    // SAFETY: the buffer `msg_control` points to has room for `space` more bytes, as just asserted, and is aligned for
    // cmsghdr: it consists of words, and spaces are multiples of a word. The value is written unaligned.
    unsafe {
        let header = message.msg_control.cast::<u8>().add(used).cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(length) as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
    }
    space
}

fn set_option(fd: RawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option's value is a C int, and its address and size are given.
    let result = unsafe {
        libc::setsockopt(fd, level, option, (&raw const value).cast(), size_of::<libc::c_int>() as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// An IPv4 address seen through an IPv6 socket becomes plain IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// And back.
fn on_wire(address: SocketAddr, v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(a) if v6 => SocketAddrV6::new(a.ip().to_ipv6_mapped(), a.port(), 0, 0).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagrams(source: Ipv4Addr, destination: SocketAddr, sizes: &[usize]) -> Vec<Datagram> {
        let source = SocketAddr::new(source.into(), 0);
        sizes.iter().map(|size| Datagram { source, destination, contents: vec![7; *size] }).collect()
    }

    /// A sender bound to all addresses, which pins sources, and a receiver on loopback.
    fn pair() -> (Udp, std::net::UdpSocket) {
        let receiver = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (Udp::bind((Ipv4Addr::UNSPECIFIED, 0).into(), true).unwrap(), receiver)
    }

    fn received(receiver: &std::net::UdpSocket, count: usize) -> Vec<usize> {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        (0..count).map(|_| receiver.recv(&mut buffer).unwrap()).collect()
    }

    #[test]
    fn a_run_that_is_refused_costs_nobody_else_segmentation() {
        let (mut udp, receiver) = pair();
        let to = receiver.local_addr().unwrap();
        let before = udp.segmentation;
        // Not an address of ours: EINVAL upon the run and upon each of its datagrams.
        let mut all = datagrams(Ipv4Addr::new(192, 0, 2, 1), to, &[500; 3]);
        all.extend(datagrams(Ipv4Addr::LOCALHOST, to, &[400, 400, 400, 100]));
        assert_eq!(udp.send(&all), 4);
        assert_eq!(udp.segmentation, before);
        assert_eq!(received(&receiver, 4), [400, 400, 400, 100]);
    }

    #[test]
    fn a_datagram_too_large_is_dropped_alone() {
        let (mut udp, receiver) = pair();
        let to = receiver.local_addr().unwrap();
        assert_eq!(udp.send(&datagrams(Ipv4Addr::LOCALHOST, to, &[70_000, 300, 300])), 2);
        assert_eq!(received(&receiver, 2), [300, 300]);
    }

    #[test]
    fn only_what_the_system_lacks_ends_segmentation() {
        assert_eq!([libc::EIO, libc::EOPNOTSUPP].map(|e| remedy(e, 2)), [Remedy::NeverSegment; 2]);
        assert_eq!([libc::EINVAL, libc::EMSGSIZE].map(|e| remedy(e, 2)), [Remedy::OneByOne; 2]);
        let single = [libc::EIO, libc::EOPNOTSUPP, libc::EINVAL, libc::EMSGSIZE, libc::ENOBUFS, libc::ENETUNREACH];
        assert_eq!(single.map(|e| remedy(e, 1)), [Remedy::Drop; 6]);
        assert_eq!(remedy(libc::ENOBUFS, 2), Remedy::Drop);
        assert_eq!([libc::EAGAIN, libc::EINTR].map(|e| remedy(e, 2)), [Remedy::Wait, Remedy::Again]);
    }

    #[test]
    fn a_refused_run_goes_one_by_one_and_the_next_is_a_run_again() {
        let (mut udp, receiver) = pair();
        udp.segmentation = true;
        let all = datagrams(Ipv4Addr::LOCALHOST, receiver.local_addr().unwrap(), &[200; 6]);
        assert_eq!(udp.runs(&all, 0), [6]);
        assert_eq!(udp.runs(&all, 2), [1, 1, 4]);
    }

    #[test]
    fn one_send_waits_for_a_full_buffer_no_longer_than_once() {
        let (udp, _receiver) = pair();
        let past = Instant::now().checked_sub(SEND_WAIT).unwrap();
        assert!(udp.wait_writable(&mut Progress::default()), "an empty buffer has room");
        assert!(!udp.wait_writable(&mut Progress { give_up_at: Some(past), ..Progress::default() }));
    }
}
