//! What a line does besides being exact: changes, cuts, address translation, TCP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use netlab::protocol::Request;
use serde_json::json;

use crate::traffic::{ask, flow, lab, set, socket};

fn site(name: &str) -> String {
    name.to_owned()
}

/// Half-way the delay grows from 10 to 60 ms: packets before have the one, after it the other, none is lost.
pub(crate) fn change() -> Result<(), Failed> {
    let lab = lab(1);
    set(&lab, "up", &json!({"delayMs": 10}));
    let arrivals = std::thread::scope(|scope| {
        let flow = scope.spawn(|| flow(&lab, ["viewer", "server"], 1_000, Duration::from_millis(1), 200));
        std::thread::sleep(Duration::from_millis(500));
        set(&lab, "up", &json!({"delayMs": 60}));
        flow.join().expect("a flow")
    });
    assert_eq!(arrivals.len(), 1_000);
    let ms = |number: usize| arrivals[number].took / 1_000_000;
    assert!((10..20).contains(&ms(0)) && (60..70).contains(&ms(999)), "{} and {} ms", ms(0), ms(999));
    let grown = arrivals.iter().position(|one| one.took > 40_000_000).expect("grown");
    assert!((200..900).contains(&grown), "grown at packet {grown}");
    Ok(())
}

pub(crate) fn cut() -> Result<(), Failed> {
    let lab = lab(1);
    let passes = || flow(&lab, ["viewer", "server"], 10, Duration::from_millis(1), 200).len();
    assert_eq!(passes(), 10);
    ask(&lab, &Request::Down { site: site("viewer"), carrier: false });
    assert_eq!(passes(), 0);
    let other = flow(&lab, ["agent", "server"], 10, Duration::from_millis(1), 200).len();
    assert_eq!(other, 10, "the other site's link is its own");
    ask(&lab, &Request::Up { site: site("viewer") });
    assert_eq!(passes(), 10);
    assert_eq!(lab.control()?.counters()?.sites[0].up.dropped_down, 10);
    Ok(())
}

pub(crate) fn rebind() -> Result<(), Failed> {
    let lab = lab(1);
    ask(&lab, &Request::Set { site: site("viewer"), up: None, down: None, nat: Some(true) });
    let (viewer, server) = (socket(&lab, "viewer"), socket(&lab, "server"));
    let to = server.local_addr()?;
    let own = viewer.local_addr()?;
    let mut buffer = [0; 64];
    let mut seen = || -> Result<SocketAddr, Failed> {
        viewer.send_to(b"hello", to)?;
        Ok(server.recv_from(&mut buffer)?.1)
    };
    let first = seen()?;
    assert_ne!(first.ip(), own.ip(), "the private address is not seen");
    assert_eq!(Some(first.ip().to_string()), lab.control()?.get()?.sites[0].public_address);
    assert!(answered(&server, first, &viewer), "an answer comes back");
    ask(&lab, &Request::Rebind { site: site("viewer"), tcp: false, address: false });
    assert!(!answered(&server, first, &viewer), "the old port is dead");
    let second = seen()?;
    assert!(second.ip() == first.ip() && second.port() != first.port(), "{first} and {second}");
    assert!(answered(&server, second, &viewer), "an answer comes back to the new port");
    ask(&lab, &Request::Rebind { site: site("viewer"), tcp: false, address: true });
    let third = seen()?;
    assert_ne!(third.ip(), first.ip(), "another public address");
    assert_eq!(lab.control()?.counters()?.untranslated, 1);
    Ok(())
}

fn answered(from: &UdpSocket, to: SocketAddr, at: &UdpSocket) -> bool {
    from.send_to(b"answer", to).expect("sent");
    at.recv(&mut [0; 64]).is_ok_and(|count| count == 6)
}

pub(crate) fn carrier() -> Result<(), Failed> {
    let lab = lab(1);
    // A thread of the site sees the site's devices below its own /proc.
    let running = || {
        let flags = || std::process::Command::new("ip").args(["-o", "link", "show", "eth0"]).output();
        let text = String::from_utf8_lossy(&lab.within("viewer", flags)?.map_err(Failed::from)?.stdout).into_owned();
        Ok::<bool, Failed>(text.contains("LOWER_UP"))
    };
    assert!(running()?);
    ask(&lab, &Request::Down { site: site("viewer"), carrier: true });
    assert!(!running()?);
    ask(&lab, &Request::Up { site: site("viewer") });
    assert!(running()?);
    Ok(())
}

/// A megabyte by TCP over 10 ms each way, 20 Mbit/s and a little loss, and an echo whose round trip is the line's.
pub(crate) fn tcp() -> Result<(), Failed> {
    let lab = lab(1);
    set(&lab, "up", &json!({"delayMs": 10, "rateBps": 20_000_000, "loss": 0.002}));
    set(&lab, "down", &json!({"delayMs": 10, "rateBps": 20_000_000}));
    let address = lab.view().server.address.clone();
    let listener = lab.within("server", || TcpListener::bind((address.as_str(), 0)))??;
    let to = listener.local_addr()?;
    let serve = std::thread::spawn(move || -> std::io::Result<u64> {
        let (mut stream, _) = listener.accept()?;
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        stream.write_all(&byte)?;
        let bulk = std::io::copy(&mut stream, &mut std::io::sink())?;
        let (mut host, from) = listener.accept()?;
        writeln!(host, "hello {}", from.ip())?;
        Ok(bulk)
    });
    let mut stream = lab.within("viewer", || TcpStream::connect(to))??;
    stream.set_nodelay(true)?;
    let start = Instant::now();
    stream.write_all(&[7])?;
    stream.read_exact(&mut [0])?;
    let rtt = start.elapsed();
    assert!(rtt >= Duration::from_millis(20) && rtt < Duration::from_millis(200), "{rtt:?}");
    stream.write_all(&vec![1; 1_000_000])?;
    drop(stream);
    // The host is not in a site, and reaches the server past the links.
    let mut text = String::new();
    TcpStream::connect(to)?.read_to_string(&mut text)?;
    assert_eq!(text, format!("hello {}\n", address.replace(".1", ".253").replace("10.253", "10.213")));
    assert_eq!(serve.join().expect("a server")?, 1_000_000);
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds > 0.4, "a megabyte takes 0.4 s at 20 Mbit/s, not {seconds}");
    Ok(())
}

pub(crate) fn refusals() -> Result<(), Failed> {
    let lab = lab(1);
    let mut control = lab.control()?;
    let mut refused = |request: &Request| control.ask(request).expect_err("refused").to_string();
    assert_eq!(refused(&Request::Up { site: site("moon") }), "no site moon; there are: viewer, agent");
    let rebind = Request::Rebind { site: site("viewer"), tcp: false, address: false };
    assert!(refused(&rebind).contains("switch nat on first"));
    let up = json!({"delayMs": 5, "loss": 7}).as_object().cloned();
    let set = Request::Set { site: site("viewer"), up, down: None, nat: None };
    assert!(refused(&set).starts_with("loss must be 0 to 1"));
    // Nothing of a refused change is made, and the connection goes on.
    assert_eq!(control.get()?.sites[0].up.delay_ms, 0.0);

    let mut raw = std::os::unix::net::UnixStream::connect(&lab.view().control)?;
    raw.set_read_timeout(Some(Duration::from_secs(5)))?;
    raw.write_all(b"{\"op\":\"fly\"}\nnonsense\n{\"op\":\"get\"}\n")?;
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(raw.try_clone()?));
    let mut next = || lines.next().expect("a line").expect("read");
    assert!(next().contains("unknown variant `fly`"));
    assert!(next().contains("not a request"));
    assert!(next().contains("\"ok\":true"));
    raw.write_all(&vec![b'x'; 40_000])?;
    assert!(next().contains("the line is too long"));
    Ok(())
}
