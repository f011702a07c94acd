// The last minute of every lane, kept in the page until the chat is opened. Bounded by time and by number.

import { EVENT_LANES, type LaneName, type Lanes, type Sample } from '../lanes.ts';

/** What is kept, ms: the minute before the chat was opened is what the complaint is about. */
const KEPT_MS = 60_000;
/** Events of a lane that are kept: a minute of a low-latency stream of four parts a second, with its sound. */
const EVENTS_MAX = 480;
/** Samples of a lane that are kept: one a second. */
const SAMPLES_MAX = KEPT_MS / 1000;

/** A minute of lanes. */
export class LaneRing {
  #lanes = new Map<LaneName, Sample[]>();

  /** Takes a sample; its time is taken for now. */
  push(lane: LaneName, sample: Sample): void {
    const samples = this.#lanes.get(lane) ?? [];
    this.#lanes.set(lane, samples);
    samples.push(sample);
    const most = EVENT_LANES.has(lane) ? EVENTS_MAX : SAMPLES_MAX;
    while (samples.length > most) samples.shift();
    // Requests of before the widget was there are noted later than they were: the order is not that of the times.
    if (samples[0] && samples[0].t < sample.t - KEPT_MS) samples.shift();
  }

  /** Everything up to now, without what is older than a minute; the ring is empty afterwards. */
  take(nowMs: number): Lanes {
    const lanes: Lanes = {};
    for (const [lane, samples] of this.#lanes) {
      const kept = samples.filter(({ t }) => t >= nowMs - KEPT_MS).sort((a, b) => a.t - b.t);
      if (kept.length > 0) lanes[lane] = kept;
    }
    this.#lanes = new Map();
    return lanes;
  }
}
