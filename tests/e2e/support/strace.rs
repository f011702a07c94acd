//! Reads a trace of system calls: what happened to the write-ahead log, and the WebSocket messages that went over sockets.
//!
//! Moments are line numbers of the trace: a call begins where its line (or its `<unfinished ...>` part) stands and ends
//! there or where it is resumed. strace writes a call's end before the traced thread goes on, so that one call's end on an
//! earlier line than another's beginning means that it happened before.

use std::collections::HashMap;

/// Which way a message went, seen from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// From a client. Its moment is the end of the read that completed it.
    In,
    /// To a client. Its moment is the beginning of the write that completed it.
    Out,
}

/// A WebSocket text message.
#[derive(Debug)]
pub(crate) struct Message {
    /// Line number.
    pub(crate) at: usize,
    /// Which way.
    pub(crate) direction: Direction,
    /// The message.
    pub(crate) json: serde_json::Value,
}

/// What happened to the write-ahead log.
#[derive(Debug)]
pub(crate) enum Event {
    /// Bytes were written to it.
    LogWrite {
        /// Line of the end.
        ended: usize,
        /// The bytes.
        data: Vec<u8>,
    },
    /// It was synced.
    LogSync {
        /// Line of the beginning.
        begun: usize,
        /// Line of the end.
        ended: usize,
        /// Whether the call succeeded.
        ok: bool,
    },
}

/// A read trace.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The log's events, in the order of their ends.
    pub(crate) events: Vec<Event>,
    /// Messages in the order of the trace.
    pub(crate) messages: Vec<Message>,
}

/// One direction of one socket.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    upgraded: bool,
}

impl Trace {
    /// Reads the output of `strace -f -yy -xx`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut trace = Self::default();
        let mut streams: HashMap<(String, Direction), Stream> = HashMap::new();
        let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let Some((thread, call)) = line.trim_start().split_once(' ') else { continue };
            let call = call.trim_start();
            if let Some(head) = call.strip_suffix("<unfinished ...>") {
                // A write's data stands in its beginning, a read's in its end.
                unfinished.insert(thread, (at, head));
                continue;
            }
            let (begun, whole) = match call.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
                Some((_, tail)) => match unfinished.remove(thread) {
                    Some((begun, head)) => (begun, format!("{head}{tail}")),
                    None => continue,
                },
                None => (at, call.to_owned()),
            };
            trace.note(&mut streams, &whole, begun, at);
        }
        // Messages were noted at the ends of their calls; a write counts from its beginning.
        trace.messages.sort_by_key(|message| message.at);
        trace
    }

    fn note(&mut self, streams: &mut HashMap<(String, Direction), Stream>, call: &str, begun: usize, ended: usize) {
        let Some((name, rest)) = call.split_once('(') else { return };
        let Some((_, target)) = rest.split_once('<') else { return };
        let result: i64 = call.rsplit_once("= ").and_then(|(_, value)| number(value)).unwrap_or(-1);
        // Paths are in hexadecimal like all else, sockets are not.
        let of_log = target.split_once('>').is_some_and(|(path, _)| unescape(path).ends_with(b"db-wal"));
        match name {
            "fsync" | "fdatasync" if of_log => self.events.push(Event::LogSync { begun, ended, ok: result == 0 }),
            "pwrite64" | "pwritev" | "write" | "writev" if of_log => {
                self.events.push(Event::LogWrite { ended, data: strings(rest) });
            }
            _ if !target.starts_with("TCP") || result <= 0 => {}
            _ => {
                let reads = matches!(name, "recvfrom" | "read" | "recvmsg" | "readv");
                let (direction, at) = if reads { (Direction::In, ended) } else { (Direction::Out, begun) };
                let socket = target.split_once("]>").map_or(target, |(socket, _)| socket).to_owned();
                let mut data = strings(rest);
                data.truncate(result as usize);
                let stream = streams.entry((socket, direction)).or_default();
                stream.bytes.extend_from_slice(&data);
                while let Some(text) = stream.next_text() {
                    if let Ok(json) = serde_json::from_slice(&text) {
                        self.messages.push(Message { at, direction, json });
                    }
                }
            }
        }
    }
}

impl Stream {
    /// Takes the next complete text frame out (RFC 6455, section 5.2); others are dropped on the way.
    fn next_text(&mut self) -> Option<Vec<u8>> {
        if !self.upgraded {
            let end = self.bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
            self.bytes.drain(..end + 4);
            self.upgraded = true;
        }
        loop {
            let (first, second) = (*self.bytes.first()?, *self.bytes.get(1)?);
            let (length, mut at) = match second & 0x7f {
                126 => (usize::from(u16::from_be_bytes(self.bytes.get(2..4)?.try_into().ok()?)), 4),
                127 => (usize::try_from(u64::from_be_bytes(self.bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
                short => (usize::from(short), 2),
            };
            let mask: Option<[u8; 4]> = if second & 0x80 != 0 {
                let mask = <[u8; 4]>::try_from(self.bytes.get(at..at + 4)?).ok()?;
                at += 4;
                Some(mask)
            } else {
                None
            };
            let mut payload: Vec<u8> = self.bytes.get(at..at + length)?.to_vec();
            self.bytes.drain(..at + length);
            if let Some(mask) = mask {
                payload.iter_mut().enumerate().for_each(|(n, byte)| *byte ^= mask[n % 4]);
            }
            if first & 0x0f == 1 {
                return Some(payload);
            }
        }
    }
}

/// The buffers of a call: all its quoted strings, in which every byte is `\xNN`.
fn strings(call: &str) -> Vec<u8> {
    call.split('"').skip(1).step_by(2).flat_map(unescape).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()).collect()
}

/// The number at the start of a text.
fn number(text: &str) -> Option<i64> {
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && *c == '-')))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().ok()
}
