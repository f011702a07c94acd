//! `reach`: whether datagrams get to a server's media port and back. Binding requests of STUN (RFC 8489), which the server
//! answers without a session; before a run that fails at `ice`, and for firewalls.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::{interval, timeout};

use super::args::ReachArgs;
use super::{EXIT_COULD_NOT_RUN, EXIT_FELL};
use crate::target::is_private;

/// Between two probes: the server answers 20 a second of an address.
const EVERY: Duration = Duration::from_millis(100);
/// After the last probe nothing later is waited for.
const LAST_WAIT: Duration = Duration::from_secs(1);
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The server answers what has room for its answer: a head of 20 bytes and PADDING (RFC 5780 section 7.6) of 76.
const PADDING: u16 = 76;
const HEADER_BYTES: usize = 20;

/// What came back.
#[derive(Debug, Default)]
struct Found {
    sent: u16,
    /// ms, in the order of arrival.
    round_trips_ms: Vec<f64>,
    seen_as: Option<SocketAddr>,
}

/// Probes, and says how it went.
pub(super) async fn run(args: &ReachArgs) -> ExitCode {
    match probe(args).await {
        Ok((to, found)) => {
            println!("{}", told(to, &found));
            if found.round_trips_ms.is_empty() { ExitCode::from(EXIT_FELL) } else { ExitCode::SUCCESS }
        }
        Err(reason) => {
            eprintln!("could not run: {reason}");
            ExitCode::from(EXIT_COULD_NOT_RUN)
        }
    }
}

async fn probe(args: &ReachArgs) -> Result<(SocketAddr, Found), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", args.address);
    let to = tokio::net::lookup_host(&args.address).await.map_err(failed)?.next();
    let to = to.ok_or_else(|| format!("{} has no address", args.address))?;
    if !args.i_own_this_host && !is_private(to.ip()) {
        return Err(format!("{} is a public address: give --i-own-this-host if it is yours", to.ip()));
    }
    let any = if to.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    socket.connect(to).await.map_err(failed)?;
    Ok((to, train(&socket, args.probes).await))
}

/// Sends the probes evenly and takes what comes back. A refused port (ICMP) is a probe without an answer.
async fn train(socket: &UdpSocket, probes: u16) -> Found {
    let mut found = Found::default();
    let mut waiting: BTreeMap<[u8; 12], Instant> = BTreeMap::new();
    let mut due = interval(EVERY);
    let mut buffer = [0; 512];
    loop {
        let receive = timeout(LAST_WAIT, socket.recv(&mut buffer));
        tokio::select! {
            _ = due.tick(), if found.sent < probes => {
                let transaction: [u8; 12] = rand::random();
                waiting.insert(transaction, Instant::now());
                found.sent += 1;
                // What cannot be sent does not come back either.
                let _ = socket.send(&request(transaction)).await;
            }
            got = receive => match got {
                Ok(Ok(length)) => {
                    let Some((transaction, seen_as)) = read_answer(&buffer[..length]) else { continue };
                    let Some(sent_at) = waiting.remove(&transaction) else { continue };
                    found.round_trips_ms.push(sent_at.elapsed().as_secs_f64() * 1e3);
                    found.seen_as = Some(seen_as);
                }
                Ok(Err(_)) => {}
                Err(_) if found.sent >= probes => return found,
                Err(_) => {}
            },
        }
        if found.sent >= probes && waiting.is_empty() {
            return found;
        }
    }
}

fn request(transaction: [u8; 12]) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x01];
    bytes.extend((4 + PADDING).to_be_bytes());
    bytes.extend(MAGIC_COOKIE);
    bytes.extend(transaction);
    bytes.extend([0x00, 0x26]);
    bytes.extend(PADDING.to_be_bytes());
    bytes.resize(bytes.len() + usize::from(PADDING), 0);
    bytes
}

/// Transaction and XOR-MAPPED-ADDRESS (RFC 8489 section 14.2) of a success response that begins with it, as the server's does.
fn read_answer(bytes: &[u8]) -> Option<([u8; 12], SocketAddr)> {
    let (head, attribute) = bytes.split_at_checked(HEADER_BYTES)?;
    if head[..2] != [0x01, 0x01] || head[4..8] != MAGIC_COOKIE || attribute.get(..2)? != [0x00, 0x20] {
        return None;
    }
    let transaction: [u8; 12] = head[8..].try_into().ok()?;
    let value = attribute.get(4..)?;
    let plain = |from: usize| value.get(from..)?.iter().zip(&head[4..]).map(|(a, b)| a ^ b).collect::<Vec<u8>>().into();
    let port: Option<Vec<u8>> = plain(2);
    let port = u16::from_be_bytes(port?.get(..2)?.try_into().ok()?);
    let address: Option<Vec<u8>> = plain(4);
    let ip = match (value.get(1)?, address?) {
        (1, octets) => IpAddr::V4(<[u8; 4]>::try_from(octets.get(..4)?).ok()?.into()),
        (2, octets) => IpAddr::V6(<[u8; 16]>::try_from(octets.get(..16)?).ok()?.into()),
        _ => return None,
    };
    Some((transaction, SocketAddr::new(ip, port)))
}

fn told(to: SocketAddr, found: &Found) -> String {
    let mut sorted = found.round_trips_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: usize| sorted.get((sorted.len() * share).div_ceil(100).saturating_sub(1)).copied();
    match (at(50), at(95), found.seen_as) {
        (Some(p50), Some(p95), Some(seen_as)) => format!(
            "{to}: {} of {} datagrams came back, round trip {p50:.1} ms (p95 {p95:.1}); the server sees us as {seen_as}",
            sorted.len(),
            found.sent
        ),
        _ => format!(
            "{to}: none of {} datagrams came back. UDP is blocked on the way, or no Sightline server has this port for media \
             (`media.first_port` and those after it, one a worker)",
            found.sent
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 sections 2.2 and 2.3, without what the server does not send.
    #[test]
    fn the_test_vectors_are_read() {
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let answer = |value: &[u8]| {
            let head = [&[0x01, 0x01, 0, value.len() as u8 + 4], &MAGIC_COOKIE[..], &transaction].concat();
            [&head[..], &[0x00, 0x20, 0, value.len() as u8], value].concat()
        };
        let v4 = answer(&[0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(read_answer(&v4), Some((transaction, "192.0.2.1:32853".parse().expect("an address"))));
        let v6 = answer(&[
            0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9,
            0xd9,
        ]);
        let told = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
        assert_eq!(read_answer(&v6), Some((transaction, told)));
        for length in 0..v4.len() {
            assert_eq!(read_answer(&v4[..length]), None, "cut after {length}");
        }
    }

    #[test]
    fn a_result_is_told_in_a_sentence() {
        let to = "127.0.0.1:7000".parse().expect("an address");
        let found = Found { sent: 3, round_trips_ms: vec![3.0, 1.0], seen_as: "127.0.0.1:9".parse().ok() };
        assert!(
            told(to, &found).contains("2 of 3 datagrams came back, round trip 1.0 ms (p95 3.0)"),
            "{}",
            told(to, &found)
        );
        assert!(told(to, &Found { sent: 3, ..Found::default() }).contains("none of 3"));
    }
}
