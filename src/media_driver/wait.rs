//! Waiting for a socket or a wake-up from another thread.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// An eventfd: any thread may wake the one that waits.
pub(super) struct Waker(OwnedFd);

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers; the descriptor it answers is ours alone.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` is open and owned by nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes the waiting end, now or when it next waits.
    pub(super) fn wake(&self) {
        let one: u64 = 1;
        // SAFETY: eight bytes are read from a u64. Failure means the counter is full: it is awake already.
        unsafe { libc::write(self.fd(), (&raw const one).cast(), 8) };
    }

    /// Takes note of being awake.
    pub(super) fn clear(&self) {
        let mut count: u64 = 0;
        // SAFETY: eight bytes are written to a u64. Failure means nobody woke us.
        unsafe { libc::read(self.fd(), (&raw mut count).cast(), 8) };
    }

    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Waits until one of the descriptors is ready, at most `timeout` (none is for ever); answers how many are. An
/// interruption counts as none.
pub(super) fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> usize {
    let timeout = timeout
        .map(|t| libc::timespec { tv_sec: t.as_secs().min(3_600) as libc::time_t, tv_nsec: t.subsec_nanos() as _ });
    let pointer = timeout.as_ref().map_or(std::ptr::null(), |t| t as *const libc::timespec);
    // SAFETY: `fds` is a slice of initialised pollfd of the given length; the timespec outlives the call; a null signal
    // mask leaves the mask alone.
    let ready = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, pointer, std::ptr::null()) };
    usize::try_from(ready).unwrap_or(0)
}
