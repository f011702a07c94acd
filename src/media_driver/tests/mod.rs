//! The driver over real UDP on loopback, with full ICE, DTLS and SRTP clients.

#[path = "../../../media/tests/simulation/client.rs"]
#[expect(dead_code, reason = "the simulation uses more of it")]
mod client;
mod stage;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use super::{Connected, MediaConfig, MediaError, MediaEvent, MediaHandle, PeerId, SourceKind, outward, start};
use client::Client;
use tokio::sync::mpsc::Receiver;

/// Nothing here takes more than a fraction of it.
const PATIENCE: Duration = Duration::from_secs(20);

fn clock() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() * 1e3
}

fn media(workers: usize, bind: IpAddr) -> (MediaHandle, Receiver<MediaEvent>) {
    let config = MediaConfig { workers, bind, external: Vec::new(), first_port: 0, peers_max: 8, rooms_max: 4 };
    start(config, clock).unwrap()
}

/// A client with its socket.
struct Participant {
    client: Client,
    socket: UdpSocket,
    peer: PeerId,
    start: Instant,
}

impl Participant {
    async fn connect(media: &MediaHandle, ip: IpAddr) -> Participant {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let start = Instant::now();
        let (mut client, offer) = Client::new(socket.local_addr().unwrap(), start);
        let Connected { peer, answer } = media.connect(Some(0), offer).await.unwrap();
        client.answer(&answer);
        Participant { client, socket, peer, start }
    }

    fn pump(&mut self) {
        let mut buffer = [0; 2_048];
        let now = Instant::now();
        loop {
            let ms = self.start.elapsed().as_millis() as u64;
            let mut out = Vec::new();
            self.client.tick(now, ms, &mut out);
            for (to, bytes) in out {
                let _ = self.socket.send_to(&bytes, to);
            }
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) => self.client.handle(now, from, &buffer[..length]),
                Err(_) => return,
            }
        }
    }
}

fn pump_until(participants: &mut [&mut Participant], mut done: impl FnMut(&mut [&mut Participant]) -> bool) {
    let begin = Instant::now();
    while !done(participants) {
        let state =
            || participants.iter().map(|p| (p.client.connected_ms.is_some(), p.client.video().len(), &p.client.echoes));
        assert!(begin.elapsed() < PATIENCE, "waited too long: {:?}", state().collect::<Vec<_>>());
        participants.iter_mut().for_each(|p| p.pump());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads events until one satisfies; answers all read.
async fn until(events: &mut Receiver<MediaEvent>, wanted: impl Fn(&MediaEvent) -> bool) -> Vec<MediaEvent> {
    let mut read = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await.expect("event in time").expect("event");
        let found = wanted(&event);
        read.push(event);
        if found {
            return read;
        }
    }
}

fn publish(publisher: &mut Participant, frame: u32, packets: u8) {
    let key = u8::from(frame > 0);
    for index in 0..packets {
        let mut payload = vec![if index == 0 { 0x10 } else { 0 }, key];
        payload.extend_from_slice(&frame.to_be_bytes());
        payload.resize(900, index);
        publisher.client.send_rtp(Instant::now(), 1, frame * 3_000, index + 1 == packets, payload);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_and_echoes_pass_and_events_tell() {
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        forwards(ip, ip).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_bound_to_all_addresses_answers_from_the_right_one() {
    forwards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()).await;
    forwards(Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()).await;
}

/// As Firefox does: it has no loopback candidates of its own and pairs none with the server's.
#[tokio::test(flavor = "multi_thread")]
async fn bound_to_loopback_this_machine_gets_through_by_its_outward_address() {
    // Without a route there is no such address, and such a browser has no candidates at all.
    let Some(outward) = outward() else { return };
    let (media, _events) = media(1, Ipv4Addr::LOCALHOST.into());
    let socket = UdpSocket::bind((outward, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let start = Instant::now();
    let (mut client, offer) = Client::new(socket.local_addr().unwrap(), start);
    let Connected { peer, answer } = media.connect(Some(0), offer).await.unwrap();
    let told =
        answer.split_inclusive("\r\n").filter(|line| !(line.starts_with("a=candidate") && line.contains("127.0.0.1")));
    client.answer(&told.collect::<String>());
    let mut browser = Participant { client, socket, peer, start };
    pump_until(&mut [&mut browser], |p| p[0].client.connected_ms.is_some());
    media.shutdown().await;
}

async fn forwards(bind: IpAddr, from: IpAddr) {
    let (media, mut events) = media(1, bind);
    let room = media.create_room(None).await.unwrap();
    let mut viewer = Participant::connect(&media, from).await;
    let mut agent = Participant::connect(&media, from).await;
    media.join(room, viewer.peer).await.unwrap();
    media.join(room, agent.peer).await.unwrap();
    pump_until(&mut [&mut viewer, &mut agent], |p| {
        p[0].client.connected_ms.is_some() && p[1].client.connected_ms.is_some()
    });
    pump_until(&mut [&mut viewer, &mut agent], |p| p[0].client.send_fast(&[1, 2, 3]));
    let mut frame = 0;
    pump_until(&mut [&mut viewer, &mut agent], |p| {
        // Bursts, so that segmentation offload is used where there is any, but no more under way than a socket's default
        // buffer holds while this thread does not run.
        if frame < 60 && p[1].client.video().len() + 36 > frame as usize * 12 {
            publish(p[0], frame, 12);
            frame += 1;
        }
        !p[0].client.echoes.is_empty() && p[1].client.video().len() == 60 * 12
    });
    assert_eq!(viewer.client.echoes, [[2, 2, 3]]);
    let payloads = agent
        .client
        .video()
        .into_iter()
        .map(|p| (u32::from_be_bytes(p.payload[2..6].try_into().unwrap()), p.payload[899]));
    assert!(payloads.eq((0..60).flat_map(|frame| (0..12).map(move |index| (frame, index)))));

    let read = until(&mut events, |e| matches!(e, MediaEvent::Sample { .. })).await;
    let told = |wanted: &dyn Fn(&MediaEvent) -> bool| read.iter().filter(|e| wanted(e)).count();
    assert_eq!(told(&|e| matches!(e, MediaEvent::IceConnected { .. })), 2);
    assert_eq!(told(&|e| matches!(e, MediaEvent::DtlsConnected { at_ms, .. } if (clock() - at_ms).abs() < 2e4)), 2);
    assert_eq!(told(&|e| matches!(e, MediaEvent::FirstPacketIn { kind: SourceKind::Screen, .. })), 1);
    let out = |e: &MediaEvent| matches!(e, MediaEvent::FirstPacketOut { from, to, .. } if *from == viewer.peer && *to == agent.peer);
    assert_eq!(told(&out), 1);
    let slots = |e: &MediaEvent| match e {
        MediaEvent::Slots { peer, slots } if *peer == agent.peer => {
            slots.iter().any(|s| s.mid == "5" && s.kind == SourceKind::Screen && s.room == room)
        }
        _ => false,
    };
    assert_eq!(told(&slots), 1);
    let Some(MediaEvent::Sample { json, publisher, .. }) = read.last() else { unreachable!() };
    assert_eq!(*publisher, viewer.peer);
    assert_eq!(json["t"].as_u64().unwrap() % 1_000, 0);
    assert!(json["in"]["packets"].as_u64().unwrap() > 0);
    assert!(json["out"].get("rtx_packets").is_some());

    let worker = media.workers()[0];
    assert_eq!((worker.peers, worker.rooms, worker.restarts), (2, 1, 0));
    assert!(worker.packets_in >= 720 && worker.packets_out >= 720, "{worker:?}");

    media.leave(room, agent.peer).await.unwrap();
    media.close_peer(viewer.peer).await;
    let viewer_peer = viewer.peer;
    until(&mut events, |e| matches!(e, MediaEvent::Closed { peer } if *peer == viewer_peer)).await;
    media.shutdown().await;
    until(&mut events, |e| matches!(e, MediaEvent::Closed { .. })).await;
    assert!(events.recv().await.is_none(), "the events end with the workers");
    assert!(matches!(media.create_room(None).await, Err(MediaError::Gone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_worker_says_what_it_lost_and_starts_again_on_its_port() {
    let (media, mut events) = media(2, Ipv4Addr::LOCALHOST.into());
    let localhost = Ipv4Addr::LOCALHOST.into();
    let room = media.create_room(Some(0)).await.unwrap();
    let mut peer = Participant::connect(&media, localhost).await;
    media.join(room, peer.peer).await.unwrap();
    pump_until(&mut [&mut peer], |p| p[0].client.connected_ms.is_some());
    let before = media.workers()[0];
    media.panic(0).await;
    let failed = until(&mut events, |e| matches!(e, MediaEvent::WorkerFailed { .. })).await;
    let lost = MediaEvent::WorkerFailed { worker: 0, rooms: vec![room], peers: vec![peer.peer] };
    assert_eq!(failed.last(), Some(&lost));
    assert!(matches!(media.join(room, peer.peer).await, Err(MediaError::Gone)));
    // The worker lives, on its port, and gives out new keys.
    let mut again = Participant::connect(&media, localhost).await;
    assert_ne!(again.peer, peer.peer);
    pump_until(&mut [&mut again], |p| p[0].client.connected_ms.is_some());
    let after = media.workers()[0];
    assert_eq!((after.udp_port, after.restarts, after.peers), (before.udp_port, 1, 1));
    assert_eq!(media.workers()[1].restarts, 0);
    media.shutdown().await;
}

#[tokio::test]
async fn a_room_nobody_was_told_of_is_closed() {
    let (media, _events) = media(1, Ipv4Addr::LOCALHOST.into());
    for _ in 0..10 {
        let (reply, answer) = tokio::sync::oneshot::channel();
        drop(answer);
        let access = &media.shared.workers[0];
        access.commands.send(super::Command::CreateRoom(reply)).await.unwrap();
        access.waker.wake();
    }
    // Four are allowed, and commands are obeyed in order.
    media.create_room(None).await.unwrap();
    let room = media.create_room(None).await.unwrap();
    // The answer to this comes after the count.
    media.close_room(room).await;
    media.close_room(room).await;
    assert_eq!(media.workers()[0].rooms, 1);
    media.shutdown().await;
}

#[tokio::test]
async fn bad_requests_are_typed_errors() {
    let (media, _events) = media(2, Ipv4Addr::LOCALHOST.into());
    assert!(matches!(media.connect(None, "hello".into()).await, Err(MediaError::BadSdp(_))));
    assert!(matches!(media.connect(None, "v=0\r\n".repeat(20_000)).await, Err(MediaError::BadSdp(_))));
    assert!(matches!(media.create_room(Some(2)).await, Err(MediaError::Gone)));
    let (here, there) = (media.create_room(Some(0)).await.unwrap(), media.create_room(Some(1)).await.unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let (_, offer) = Client::new(address, Instant::now());
    let Connected { peer, .. } = media.connect(Some(0), offer.clone()).await.unwrap();
    assert!(matches!(media.join(there, peer).await, Err(MediaError::Conflict(_))));
    media.join(here, peer).await.unwrap();
    media.join(here, peer).await.unwrap();
    let other = media.create_room(Some(0)).await.unwrap();
    assert!(matches!(media.join(other, peer).await, Err(MediaError::Conflict(_))));
    assert!(matches!(media.reoffer(peer, "v=0\r\nm=audio".into()).await, Err(MediaError::BadSdp(_))));
    // Four rooms and eight peers of both workers together are two and four of each.
    assert!(matches!(media.create_room(Some(0)).await, Err(MediaError::Full("rooms"))));
    for _ in 0..3 {
        let (_, offer) = Client::new(address, Instant::now());
        media.connect(Some(0), offer).await.unwrap();
    }
    assert!(matches!(media.connect(Some(0), offer).await, Err(MediaError::Full("peers"))));
    media.close_room(here).await;
    assert!(matches!(media.leave(here, peer).await, Err(MediaError::Gone)));
    media.shutdown().await;
}
