//! Tests of a line: delay, order, rate, queue, cuts, and that every packet is accounted for.

use proptest::prelude::*;

use super::*;
use crate::settings::GilbertElliott;

const MS: Nanos = 1_000_000;

fn line(settings: LineSettings) -> Line<u32> {
    Line::new(1, "viewer/up", settings)
}

/// Pushes `count` packets of `bytes`, one every `every`, and returns (number, release) in order of release. The clock goes
/// from event to event, so that releases are exact.
fn run(line: &mut Line<u32>, count: u32, every: Nanos, bytes: usize) -> Vec<(u32, Nanos)> {
    let mut out = Vec::new();
    for number in 0..count {
        let now = Nanos::from(number) * every;
        drain(line, now, &mut out);
        let _ = line.push(now, bytes, number);
    }
    drain(line, Nanos::MAX / 4, &mut out);
    out
}

fn drain(line: &mut Line<u32>, until: Nanos, out: &mut Vec<(u32, Nanos)>) {
    while let Some(at) = line.next_at().filter(|at| *at <= until) {
        while let Some(delivery) = line.pop(at) {
            out.extend((0..delivery.copies).map(|_| (delivery.item, at)));
        }
    }
}

#[test]
fn a_line_without_settings_delivers_at_once() {
    let mut line = line(LineSettings::default());
    assert_eq!(line.next_at(), None);
    assert_eq!(line.push(5, 100, 7), Pushed::Taken);
    assert_eq!(line.next_at(), Some(5));
    assert_eq!(line.pop(5), Some(Delivery { item: 7, copies: 1 }));
    assert_eq!(line.pop(5), None);
}

#[test]
fn delay_is_exact_and_keeps_order() {
    let mut line = line(LineSettings { delay_ms: 50.0, ..LineSettings::default() });
    let out = run(&mut line, 100, MS / 5, 1_000);
    let wanted: Vec<_> = (0..100).map(|number| (number, Nanos::from(number) * MS / 5 + 50 * MS)).collect();
    assert_eq!(out, wanted);
}

#[test]
fn nothing_is_released_early_and_lateness_is_counted() {
    let mut line = line(LineSettings { delay_ms: 10.0, ..LineSettings::default() });
    let _ = line.push(0, 100, 1);
    assert_eq!(line.pop(10 * MS - 1), None);
    assert!(line.pop(13 * MS).is_some());
    let counters = line.counters();
    assert_eq!((counters.late, counters.late_max_ms), (1, 3.0));
}

#[test]
fn a_lowered_delay_does_not_reorder() {
    let mut line = line(LineSettings { delay_ms: 200.0, ..LineSettings::default() });
    let _ = line.push(0, 100, 1);
    line.set(MS, LineSettings { delay_ms: 10.0, ..LineSettings::default() });
    let _ = line.push(2 * MS, 100, 2);
    let mut out = Vec::new();
    drain(&mut line, Nanos::MAX / 4, &mut out);
    assert_eq!(out, [(1, 200 * MS), (2, 200 * MS)]);
}

#[test]
fn jitter_in_order_varies_the_spacing_within_its_bound() {
    let mut line = line(LineSettings { delay_ms: 20.0, jitter_ms: 30.0, ..LineSettings::default() });
    let out = run(&mut line, 5_000, MS / 5, 200);
    assert!(out.is_sorted_by_key(|(number, _)| *number));
    let delays: Vec<Nanos> = out.iter().map(|(number, at)| at - Nanos::from(*number) * MS / 5).collect();
    let (least, most) = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
    assert!(least >= 20 * MS && most <= 50 * MS, "{least} to {most}");
    assert!(most - least > 15 * MS, "it hardly varies: {least} to {most}");
    assert_eq!(line.counters().reordered, 0);
}

#[test]
fn jitter_that_may_reorder_does() {
    let settings = LineSettings { jitter_ms: 5.0, jitter_reorders: true, ..LineSettings::default() };
    let mut line = line(settings);
    let out = run(&mut line, 1_000, MS, 200);
    assert_eq!(out.len(), 1_000);
    assert!(!out.is_sorted_by_key(|(number, _)| *number));
    assert!(line.counters().reordered > 100);
}

#[test]
fn held_back_packets_are_overtaken() {
    let settings = LineSettings { delay_ms: 5.0, reorder: 0.1, reorder_by_ms: 3.5, ..LineSettings::default() };
    let mut line = line(settings);
    let out = run(&mut line, 2_000, MS, 200);
    let held = out.iter().filter(|(number, at)| at - Nanos::from(*number) * MS == 8 * MS + MS / 2).count();
    let kept = out.iter().filter(|(number, at)| at - Nanos::from(*number) * MS == 5 * MS).count();
    assert_eq!(held + kept, 2_000);
    // Binomial, 99.9 %: 200 ± 44.
    assert!((156..=244).contains(&held), "{held}");
    let mut highest = 0;
    let late = out.iter().filter(|(number, _)| {
        highest = highest.max(*number);
        *number < highest
    });
    assert_eq!(line.counters().reordered, late.count() as u64);
}

#[test]
fn doubled_packets_arrive_twice_in_a_row() {
    let mut line = line(LineSettings { duplicate: 0.25, ..LineSettings::default() });
    let out = run(&mut line, 1_000, MS, 100);
    let counters = line.counters();
    assert_eq!(out.len() as u64, 1_000 + counters.duplicated);
    assert!((180..320).contains(&counters.duplicated));
    assert_eq!(counters.bytes_out, out.len() as u64 * 100);
}

#[test]
fn the_rate_holds_and_the_burst_passes_at_once() {
    let settings = LineSettings {
        rate_bps: Some(2_000_000),
        burst_bytes: 5_000,
        queue_bytes: 16_000_000,
        ..LineSettings::default()
    };
    let mut line = line(settings);
    let out = run(&mut line, 1_000, MS, 1_000);
    // 1,000 bytes take 4 ms; five pass at once as they come, the bucket gaining a quarter packet each time.
    assert!(out[..6].iter().all(|(number, at)| *at == Nanos::from(*number) * MS), "{:?}", &out[..6]);
    let (first, last) = (out[100].1, out[999].1);
    let rate = 899.0 * 8_000.0 / ((last - first) as f64 / 1e9);
    assert!((rate - 2e6).abs() < 2e4, "{rate} bit/s");
}

#[test]
fn the_queue_is_bounded_in_bytes_and_drops_the_newest() {
    let settings = LineSettings { rate_bps: Some(1_000_000), queue_bytes: 10_000, ..LineSettings::default() };
    let mut line = line(settings);
    let mut out = Vec::new();
    for number in 0..50 {
        let _ = line.push(0, 1_000, number);
        assert!(line.counters().queue_bytes <= 10_000);
    }
    drain(&mut line, Nanos::MAX / 4, &mut out);
    // One passed at once, ten waited 8 ms each (less what the bucket held above one packet: 500 bytes, 4 ms).
    let numbers: Vec<u32> = out.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (0..11).collect::<Vec<_>>());
    assert_eq!(out[10].1, 76 * MS);
    let counters = line.counters();
    assert_eq!((counters.dropped_queue, counters.queue_bytes_max), (39, 10_000));
    assert_eq!(counters.queue_delay_max_ms, 76.0);
}

#[test]
fn a_changed_rate_counts_from_then_on() {
    let slow = LineSettings { rate_bps: Some(100_000), ..LineSettings::default() };
    let mut line = line(slow.clone());
    for number in 0..10 {
        let _ = line.push(0, 1_500, number);
    }
    // 1,500 bytes take 120 ms at 100 kbit/s, 12 ms ten times as fast.
    line.set(60 * MS, LineSettings { rate_bps: Some(1_000_000), ..slow.clone() });
    let mut out = Vec::new();
    drain(&mut line, 80 * MS, &mut out);
    assert_eq!(out, [(0, 0), (1, 66 * MS), (2, 78 * MS)]);
    line.set(80 * MS, LineSettings { rate_bps: None, ..slow });
    drain(&mut line, 80 * MS, &mut out);
    assert_eq!(out.len(), 10);
    assert!(out[3..].iter().all(|(_, at)| *at == 80 * MS));
}

#[test]
fn a_cut_loses_what_is_under_way_and_a_mended_line_carries_again() {
    let settings = LineSettings { delay_ms: 50.0, rate_bps: Some(1_000_000), ..LineSettings::default() };
    let mut line = line(settings);
    for number in 0..10 {
        let _ = line.push(0, 1_500, number);
    }
    line.set_up(false);
    assert_eq!(line.next_at(), None);
    assert_eq!(line.push(MS, 100, 99), Pushed::Gone(99));
    assert_eq!(line.counters().dropped_down, 11);
    line.set_up(true);
    let _ = line.push(500 * MS, 100, 100);
    let mut out = Vec::new();
    drain(&mut line, Nanos::MAX / 4, &mut out);
    assert_eq!(out, [(100, 550 * MS)]);
}

#[test]
fn lost_packets_have_used_the_rate() {
    let settings = LineSettings {
        rate_bps: Some(1_000_000),
        loss: 0.5,
        queue_bytes: 16_000_000,
        burst_bytes: 1_500,
        ..LineSettings::default()
    };
    let mut line = line(settings);
    let out = run(&mut line, 1_000, 0, 1_250);
    // 1,250 bytes take 10 ms; the bucket holds a fifth of a packet more than the first.
    let last = out.last().unwrap();
    assert_eq!(last.1, (Nanos::from(last.0) * 10 - 2) * MS);
    assert_eq!(line.counters().lost_random + out.len() as u64, 1_000);
}

#[test]
fn a_line_carries_no_more_than_its_bound() {
    let mut line = line(LineSettings { delay_ms: 60_000.0, ..LineSettings::default() });
    for number in 0..PACKETS_MAX as u32 {
        assert_eq!(line.push(0, 40, number), Pushed::Taken);
    }
    assert_eq!(line.push(0, 40, 0), Pushed::Gone(0));
    assert_eq!(line.counters().dropped_overflow, 1);
}

fn settings() -> impl Strategy<Value = LineSettings> {
    let shares = (0.0..0.3_f64, 0.0..0.3_f64, 0.0..0.3_f64);
    let times = (0.0..80.0_f64, 0.0..40.0_f64, any::<bool>(), 0.0..20.0_f64);
    let rate = (prop::option::of(50_000_u64..20_000_000), 1_500_usize..20_000, 1_500_usize..60_000);
    let chain = prop::option::of((0.0..0.2_f64, 0.05..0.9_f64));
    (shares, times, rate, chain).prop_map(|((loss, reorder, duplicate), times, (rate, burst, queue), chain)| {
        LineSettings {
            delay_ms: times.0,
            jitter_ms: times.1,
            jitter_reorders: times.2,
            reorder_by_ms: times.3,
            loss,
            reorder,
            duplicate,
            gilbert_elliott: chain.map(|(p, r)| GilbertElliott { p, r, loss_good: 0.0, loss_bad: 0.9 }),
            rate_bps: rate,
            burst_bytes: burst,
            queue_bytes: queue,
        }
    })
}

proptest! {
    #[test]
    fn every_packet_is_accounted_for(seed: u64, first in settings(), second in settings(),
                                     packets in prop::collection::vec((0_u64..3_000_000, 40_usize..1_500), 1..300)) {
        let mut line = Line::new(seed, "viewer/up", first.clone());
        let (mut now, mut out) = (0, Vec::new());
        for (number, (pause, bytes)) in packets.iter().enumerate() {
            now += pause;
            drain(&mut line, now, &mut out);
            if number == packets.len() / 2 {
                line.set(now, second.clone());
            }
            let _ = line.push(now, *bytes, number as u32);
            prop_assert!(line.counters().queue_bytes <= first.queue_bytes.max(second.queue_bytes) as u64);
            prop_assert!(line.next_at().is_none_or(|at| at + 1 >= now));
        }
        drain(&mut line, Nanos::MAX / 4, &mut out);
        let counters = line.counters();
        let gone = counters.lost_random + counters.lost_burst + counters.dropped_queue;
        prop_assert_eq!(counters.packets_in, packets.len() as u64);
        prop_assert_eq!(counters.packets_out + gone, counters.packets_in);
        prop_assert_eq!(out.len() as u64, counters.packets_out + counters.duplicated);
        prop_assert_eq!((counters.queue_bytes, counters.flight_packets), (0, 0));
        prop_assert!(out.is_sorted_by_key(|(_, at)| *at));
        // Released when asked for, nothing was late.
        prop_assert_eq!(counters.late_max_ms, 0.0);
    }

    #[test]
    fn without_reordering_order_is_kept(seed: u64, wanted in settings(),
                                        pauses in prop::collection::vec(0_u64..2_000_000, 2..300)) {
        let plain = LineSettings { jitter_reorders: false, reorder: 0.0, ..wanted };
        let mut line = Line::new(seed, "viewer/up", plain);
        let (mut now, mut out) = (0, Vec::new());
        for (number, pause) in pauses.iter().enumerate() {
            now += pause;
            drain(&mut line, now, &mut out);
            let _ = line.push(now, 500, number as u32);
        }
        drain(&mut line, Nanos::MAX / 4, &mut out);
        prop_assert!(out.is_sorted_by_key(|(number, _)| *number));
        prop_assert_eq!(line.counters().reordered, 0);
    }

    #[test]
    fn the_rate_is_never_exceeded(seed: u64, rate in 50_000_u64..50_000_000, burst in 1_500_usize..20_000,
                                  packets in prop::collection::vec((0_u64..1_000_000, 40_usize..1_500), 2..400)) {
        let settings = LineSettings { rate_bps: Some(rate), burst_bytes: burst, ..LineSettings::default() };
        let mut line = Line::new(seed, "viewer/up", settings);
        let (mut now, mut out) = (0, Vec::new());
        for (number, (pause, bytes)) in packets.iter().enumerate() {
            now += pause;
            drain(&mut line, now, &mut out);
            let _ = line.push(now, *bytes, number as u32);
        }
        drain(&mut line, Nanos::MAX / 4, &mut out);
        // In any window: no more than the bucket and what the rate gives.
        for start in 0..out.len() {
            let mut sum = 0;
            for (number, at) in &out[start..] {
                sum += packets[*number as usize].1;
                let allowed = burst as f64 + (at - out[start].1) as f64 * rate as f64 / 8e9;
                prop_assert!(sum as f64 <= allowed + 0.01 * sum as f64 + 1.0, "{sum} bytes, {allowed} allowed");
            }
        }
    }
}
