//! The few system calls that the standard library has no word for, as safe functions: monotonic clock, timer, epoll,
//! namespaces, TUN devices, signals, priority.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::path::Path;

use crate::line::Nanos;

/// What the kernel returned, as a result.
fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// A descriptor that the kernel has just made.
fn owned(returned: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(returned)?;
    // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The monotonic clock.
#[must_use]
pub fn now() -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours. This clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as Nanos * 1_000_000_000 + time.tv_nsec as Nanos
}

/// A timer that makes its descriptor readable at a point of the monotonic clock.
pub(crate) struct Timer {
    fd: OwnedFd,
    set: Option<Nanos>,
}

impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        Ok(Self { fd: owned(fd)?, set: None })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Fires at `at`; `None` never.
    pub(crate) fn set(&mut self, at: Option<Nanos>) -> io::Result<()> {
        if at == self.set {
            return Ok(());
        }
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // A time of 0 switches the timer off; 1 ns after the start of the clock is past.
        let value = at.map_or(zero, |at| libc::timespec {
            tv_sec: (at.max(1) / 1_000_000_000) as libc::time_t,
            tv_nsec: (at.max(1) % 1_000_000_000) as libc::c_long,
        });
        let wanted = libc::itimerspec { it_interval: zero, it_value: value };
        // SAFETY: the pointers are to an itimerspec of ours, and null where nothing is wanted back.
        check(unsafe {
            libc::timerfd_settime(self.fd(), libc::TFD_TIMER_ABSTIME, &raw const wanted, std::ptr::null_mut())
        })?;
        self.set = at;
        Ok(())
    }

    /// Takes note that it fired.
    pub(crate) fn fired(&mut self) {
        let mut count = [0_u8; 8];
        let _ = read(self.fd(), &mut count);
        self.set = None;
    }
}

/// A flag that one thread raises and another waits for.
pub(crate) struct Flag(OwnedFd);

impl Flag {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        Ok(Self(owned(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?))
    }

    pub(crate) fn raise(&self) {
        let one = 1_u64.to_ne_bytes();
        let _ = write(self.fd(), &one);
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Waits for many descriptors at once.
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        Ok(Self(owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?))
    }

    /// Reports from now on when `fd` is readable, as `token`. Closing the descriptor ends that.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: the pointer is to an event of ours.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) })?;
        Ok(())
    }

    /// Waits until something is readable and puts the tokens into `ready`.
    pub(crate) fn wait(&self, ready: &mut Vec<u64>) -> io::Result<()> {
        /// Events taken at once; others come with the next call.
        const EVENTS: usize = 32;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        ready.clear();
        // SAFETY: the kernel writes at most EVENTS events.
        let found = check(unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), EVENTS as i32, -1) });
        match found {
            Ok(count) => ready.extend(events.iter().take(count as usize).map(|event| event.u64)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Waits until at least one of these descriptors is readable or closed; says which.
pub(crate) fn wait_for_any(fds: &[RawFd]) -> io::Result<Vec<bool>> {
    let mut wanted: Vec<_> = fds.iter().map(|fd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 }).collect();
    loop {
        // SAFETY: the pointer and the length describe a vector of ours.
        match check(unsafe { libc::poll(wanted.as_mut_ptr(), wanted.len() as libc::nfds_t, -1) }) {
            Ok(_) => return Ok(wanted.iter().map(|one| one.revents != 0).collect()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a descriptor is readable now.
pub(crate) fn is_readable(fd: RawFd) -> io::Result<bool> {
    let mut wanted = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: the pointer is to one pollfd of ours.
    Ok(check(unsafe { libc::poll(&raw mut wanted, 1, 0) })? > 0)
}

/// Reads into `buffer`; returns how much.
pub(crate) fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most the buffer's length.
    let count = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// Reads one packet of at most `most` bytes into an empty buffer.
pub(crate) fn read_packet(fd: RawFd, buffer: &mut Vec<u8>, most: usize) -> io::Result<()> {
    buffer.reserve(most);
    // SAFETY: the reserved room is `most` bytes, and the kernel writes no more.
    let count = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), most) };
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has written that many bytes.
    unsafe { buffer.set_len(count as usize) };
    Ok(())
}

/// Writes; returns how much.
pub(crate) fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the kernel reads no more than the slice.
    let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// Moves the calling thread into a network namespace. It stays there: use a thread of its own.
///
/// # Errors
/// When there is no such namespace, or without the right to enter it.
pub fn enter_namespace(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // SAFETY: no pointers; the descriptor is open.
    check(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) })?;
    Ok(())
}

/// Makes a TUN device in the namespace of the calling thread. It lives as long as its descriptor.
pub(crate) fn open_tun(name: &str) -> io::Result<OwnedFd> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: an ifreq of zeros is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the pointer is to an ifreq of ours.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    let fd = OwnedFd::from(file);
    // SAFETY: no pointers.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    // SAFETY: no pointers.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    Ok(fd)
}

/// Plugs the cable of a TUN device in or out, as its namespace sees it.
pub(crate) fn set_carrier(tun: RawFd, on: bool) -> io::Result<()> {
    let value = libc::c_int::from(on);
    // SAFETY: the pointer is to an int of ours.
    check(unsafe { libc::ioctl(tun, libc::TUNSETCARRIER, &raw const value) })?;
    Ok(())
}

/// Lets the calling thread run before all ordinary ones, so that a busy machine does not add to delays; where that is not
/// allowed, says false. Threads and processes it starts are ordinary ones.
#[must_use]
pub fn run_first() -> bool {
    let parameters = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to parameters of ours; 0 is the calling thread.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) == 0 }
}

/// The ways in which a person or a supervisor ends a program, made readable instead of deadly. To be made before other
/// threads are, which take it over.
pub(crate) fn signals() -> io::Result<OwnedFd> {
    // SAFETY: the pointers are to a set of ours, which sigemptyset makes valid.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&raw mut set, signal);
        }
        check(libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
        owned(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC))
    }
}

/// Whether this process is root's.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: no arguments.
    unsafe { libc::geteuid() == 0 }
}

/// Sends a process the signal that cannot be refused.
pub(crate) fn kill(pid: u32) {
    // SAFETY: no pointers. The caller names a process of a laboratory's own namespace.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
}

/// Asks a process to end.
pub(crate) fn terminate(pid: u32) {
    // SAFETY: no pointers. The caller names a child of its own that it has not waited for.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGTERM) };
}
