// What is recorded: families of faults with three severities each, on contents, lines and pages that a seed draws. The plan
// is endless and the same for a seed, so that a recording goes on where it stopped.

import type { LineChange } from '../../browser/support/netlab.ts';

/** Causes as the diagnosis names them. */
export type Cause =
  | 'viewer_network'
  | 'viewer_device'
  | 'platform_delivery'
  | 'platform_source'
  | 'media_server'
  | 'agent_network'
  | 'agent_device'
  | 'none_observed';

/** A fault of an edge or of the source behind it (cdn/edge.mjs). */
export type EdgeFault =
  | { kind: 'stall'; share: number }
  | { kind: 'first_byte'; ms: number; spreadMs: number }
  | { kind: 'throttle'; kbps: number }
  | { kind: 'missing'; share: number; status: number }
  | { kind: 'broken'; share: number }
  | { kind: 'stopped' }
  | { kind: 'source'; variant: 'frozen' | 'black' | 'damaged' };

/** What is done to whom when the fault begins. */
export interface Fault {
  /** To the viewer's line. */
  line?: LineChange;
  /** To the agent's line. */
  agentLine?: LineChange;
  /** To the edge. */
  edge?: EdgeFault;
  /** Downloads that fill the viewer's line beside the player. */
  bulk?: number;
  /** Share of one core that the viewer's browser gets. */
  quota?: number;
  /** The same of the agent's browser. */
  agentQuota?: number;
  /** The page's main thread is busy. */
  burn?: { share: number; pieceMs: number };
  /** The console's main thread is busy. */
  agentBurn?: { share: number; pieceMs: number };
  /** Share of one core that the server gets. */
  serverQuota?: number;
  /** Share of its datagrams that the server throws away (`demo` alone has the switch). */
  serverDrop?: number;
}

/** Severities, the mildest first. */
export const SEVERITIES = [1, 2, 3] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What is streamed (cdn/contents.mjs). */
export const CONTENTS = ['sports', 'talk', 'game', 'slides', 'night'] as const;
export type Content = (typeof CONTENTS)[number];

/** What a family may read to set its fault: the levels' rates, kbit/s, and chance. */
interface Setting {
  severity: Severity;
  /** Of the lowest level. */
  leastKbps: number;
  /** Of the best. */
  mostKbps: number;
  random: () => number;
}

interface Family {
  label: Cause;
  fault: (setting: Setting) => Fault;
  /** Contents that it is recorded with; all of them if absent. */
  contents?: readonly Content[];
  /** The line from the beginning on; drawn among good ones if absent. */
  line?: (setting: Setting) => LineChange;
  /** Levels offered; drawn if absent. */
  levels?: number;
  /** Keeps a core busy: one of these at a time. */
  heavy?: boolean;
  /** May be there before the page is; most may. */
  atOnce?: boolean;
  /** In a call. */
  call?: boolean;
  /** The server is a demo: it has a switch for the fault. */
  demo?: boolean;
  /** Viewers of other seats watch the same and write, too. */
  crowd?: boolean;
  /** The second cause, which is the weaker one. */
  also?: Cause;
}

const pick = <T>(severity: Severity, values: readonly [T, T, T]): T => values[severity - 1] as T;
const between = (random: () => number, low: number, high: number) => low + (high - low) * random();
const both = (change: NonNullable<LineChange['up']>): LineChange => ({ up: change, down: change });
/** No rate below this: the page itself would not load. */
const rateBps = (kbps: number) => Math.round(Math.max(90, kbps) * 1_000);

/** Contents whose picture moves all the time: a source that freezes can be told from one that stands still by nature. */
const MOVING = ['sports', 'talk', 'game', 'night'] as const;
/** Contents that need most of their rate all the time. */
const DENSE = ['sports', 'talk', 'game', 'night'] as const;

const lossRandom = ({ severity, random }: Setting): Fault => ({
  line: both({ loss: pick(severity, [0.1, 0.16, 0.24]) * between(random, 0.9, 1.1) }),
});
const lossBursty = ({ severity, random }: Setting): Fault => ({
  line: both({
    gilbertElliott: {
      p: pick(severity, [0.014, 0.024, 0.038]) * between(random, 0.9, 1.1),
      r: 0.1,
      lossGood: 0,
      lossBad: 0.9,
    },
  }),
});
const rateLimit = ({ severity, leastKbps }: Setting): Fault => ({
  line: { down: { rateBps: rateBps(leastKbps * pick(severity, [0.75, 0.5, 0.33])), queueBytes: 48_000 } },
});
const bufferbloat = ({ severity, leastKbps, mostKbps, random }: Setting): Fault => {
  const kbps = Math.max(leastKbps * pick(severity, [1.3, 1, 0.8]), mostKbps * 0.4);
  return {
    line: { down: { rateBps: rateBps(kbps), queueBytes: Math.round((kbps / 8) * 1_000 * between(random, 1, 2.2)) } },
    bulk: 2,
  };
};
const quota = ({ severity, random }: Setting): Fault => ({
  quota: pick(severity, [0.13, 0.1, 0.07]) * between(random, 0.92, 1.08),
});
const burn = ({ severity, random }: Setting): Fault => ({
  burn: { share: pick(severity, [0.6, 0.8, 0.93]), pieceMs: Math.round(between(random, 90, 350)) },
});
const firstByte = ({ severity, random }: Setting): Fault => ({
  edge: {
    kind: 'first_byte',
    ms: pick(severity, [1_800, 2_800, 4_500]),
    spreadMs: Math.round(between(random, 100, 900)),
  },
});
const missing = ({ severity, random }: Setting): Fault => ({
  edge: { kind: 'missing', share: pick(severity, [0.5, 0.75, 1]), status: random() < 0.5 ? 404 : 503 },
});
const frozen = (): Fault => ({ edge: { kind: 'source', variant: 'frozen' } });
const edgeStall = ({ severity }: Setting): Fault => ({ edge: { kind: 'stall', share: pick(severity, [0.4, 0.7, 1]) } });
const throttled = ({ severity, leastKbps }: Setting): Fault => ({
  edge: { kind: 'throttle', kbps: Math.max(40, leastKbps * pick(severity, [0.75, 0.5, 0.3])) },
});
const none = (): Fault => ({});

/** A line on which all is well. */
const goodLine = (random: () => number, mostKbps: number): LineChange => {
  const rttMs = between(random, 20, 90);
  const rate = { rateBps: rateBps(Math.max(6_000, mostKbps * between(random, 5, 20))), queueBytes: 200_000 };
  return {
    up: { delayMs: rttMs / 2, jitterMs: between(random, 0, 4), ...rate },
    down: { delayMs: rttMs / 2, jitterMs: between(random, 0, 4), loss: between(random, 0, 0.0005), ...rate },
  };
};

/** All families. */
export const FAMILIES: Record<string, Family> = {
  loss_random: { label: 'viewer_network', fault: lossRandom, contents: DENSE },
  loss_bursty: { label: 'viewer_network', fault: lossBursty, contents: DENSE },
  rate_limit: { label: 'viewer_network', fault: rateLimit, contents: DENSE },
  delay: {
    label: 'viewer_network',
    fault: ({ severity, random }) => {
      const delayMs = pick(severity, [450, 700, 1_000]) * between(random, 0.9, 1.1);
      return { line: both({ delayMs, jitterMs: 30 }) };
    },
    contents: DENSE,
    levels: 1,
  },
  jitter: {
    label: 'viewer_network',
    fault: ({ severity, random }) => {
      const jitterMs = pick(severity, [300, 500, 800]) * between(random, 0.9, 1.1);
      return { line: both({ jitterMs, jitterReorders: true }) };
    },
  },
  bufferbloat: { label: 'viewer_network', fault: bufferbloat, contents: DENSE },

  cpu_quota: { label: 'viewer_device', fault: quota },
  busy_main: { label: 'viewer_device', fault: burn, heavy: true, atOnce: false },

  edge_stall: { label: 'platform_delivery', fault: edgeStall },
  slow_first_byte: { label: 'platform_delivery', fault: firstByte },
  throttled_edge: { label: 'platform_delivery', fault: throttled, contents: DENSE },
  missing_segments: { label: 'platform_delivery', fault: missing },
  broken_segments: {
    label: 'platform_delivery',
    fault: ({ severity }) => ({ edge: { kind: 'broken', share: pick(severity, [0.4, 0.7, 1]) } }),
  },

  source_frozen: { label: 'platform_source', fault: frozen, contents: MOVING, atOnce: false },
  source_black: { label: 'platform_source', fault: () => ({ edge: { kind: 'source', variant: 'black' } }) },
  // At night one does not see it.
  source_damaged: {
    label: 'platform_source',
    fault: () => ({ edge: { kind: 'source', variant: 'damaged' } }),
    contents: ['sports', 'talk', 'game', 'slides'],
  },
  source_stopped: { label: 'platform_source', fault: () => ({ edge: { kind: 'stopped' } }), atOnce: false },

  clean: { label: 'none_observed', fault: none },
  clean_slow: {
    label: 'none_observed',
    fault: none,
    line: ({ severity, mostKbps, random }) => {
      const kbps = Math.max(900, mostKbps * pick(severity, [4, 3, 2.2]));
      const rate = { rateBps: rateBps(kbps), queueBytes: Math.round((kbps / 8) * 1_000 * 0.12) };
      return {
        up: { delayMs: 25, rateBps: rateBps(kbps / 2), queueBytes: 30_000 },
        down: { delayMs: between(random, 20, 40), ...rate },
      };
    },
  },
  clean_far: {
    label: 'none_observed',
    fault: none,
    line: ({ severity, random }) => {
      const delayMs = pick(severity, [100, 140, 190]) * between(random, 0.95, 1.05);
      return both({ delayMs, jitterMs: 4, rateBps: 12_000_000, queueBytes: 400_000 });
    },
  },
  clean_mobile: {
    label: 'none_observed',
    fault: none,
    line: ({ severity, mostKbps, random }) => {
      const light = { jitterMs: pick(severity, [5, 8, 12]), loss: pick(severity, [0.001, 0.002, 0.003]) };
      const rate = { rateBps: rateBps(Math.max(3_000, mostKbps * 4)), queueBytes: 120_000 };
      const delayMs = between(random, 30, 50);
      return { up: { delayMs, ...light, ...rate }, down: { delayMs, ...light, ...rate } };
    },
  },

  // Two causes at once: the first is strong, the second is mild but real.
  loss_and_quota: two('viewer_network', lossRandom, 'viewer_device', quota),
  loss_and_first_byte: two('viewer_network', lossBursty, 'platform_delivery', firstByte),
  quota_and_first_byte: two('platform_delivery', firstByte, 'viewer_device', quota),
  burn_and_missing: { ...two('platform_delivery', missing, 'viewer_device', burn, true), atOnce: false },
  quota_and_loss: two('viewer_device', quota, 'viewer_network', lossRandom),
  frozen_and_loss: {
    ...two('platform_source', frozen, 'viewer_network', lossRandom),
    contents: MOVING,
    atOnce: false,
  },
};

/** Families in which the viewer shares the player in a call when the fault begins. */
const CALLS: Record<string, Family> = {
  call_clean: { label: 'none_observed', fault: none, call: true },
  call_clean_far: {
    label: 'none_observed',
    fault: none,
    line: ({ severity }) => both({ delayMs: pick(severity, [80, 120, 160]), jitterMs: 4 }),
    call: true,
  },
  call_loss: {
    label: 'viewer_network',
    fault: ({ severity }) => ({ line: both({ loss: pick(severity, [0.07, 0.12, 0.2]) }) }),
    call: true,
  },
  call_uplink_rate: {
    label: 'viewer_network',
    fault: ({ severity }) => ({
      line: { up: { rateBps: pick(severity, [260_000, 180_000, 120_000]), queueBytes: 30_000 } },
    }),
    contents: DENSE,
    call: true,
  },
  call_quota: {
    label: 'viewer_device',
    fault: ({ severity }) => ({ quota: pick(severity, [0.22, 0.16, 0.12]) }),
    call: true,
  },
  call_first_byte: { label: 'platform_delivery', fault: firstByte, call: true },
  call_missing: { label: 'platform_delivery', fault: missing, call: true },
  call_frozen: { label: 'platform_source', fault: frozen, contents: MOVING, call: true },
  call_server_busy: {
    label: 'media_server',
    fault: ({ severity }) => ({ serverQuota: pick(severity, [0.035, 0.027, 0.02]) }),
    call: true,
  },
  call_server_drops: {
    label: 'media_server',
    fault: ({ severity, random }) => ({ serverDrop: pick(severity, [0.06, 0.12, 0.2]) * between(random, 0.9, 1.1) }),
    call: true,
    demo: true,
  },
  call_agent_loss: {
    label: 'agent_network',
    fault: ({ severity }) => ({ agentLine: { down: { loss: pick(severity, [0.08, 0.14, 0.22]) } } }),
    call: true,
  },
  call_agent_bursts: {
    label: 'agent_network',
    fault: ({ severity }) => ({
      agentLine: {
        down: { gilbertElliott: { p: pick(severity, [0.012, 0.022, 0.035]), r: 0.12, lossGood: 0, lossBad: 0.9 } },
      },
    }),
    call: true,
  },
  call_agent_rate: {
    label: 'agent_network',
    fault: ({ severity }) => ({
      agentLine: { down: { rateBps: pick(severity, [300_000, 200_000, 130_000]), queueBytes: 60_000 } },
    }),
    contents: DENSE,
    call: true,
  },
  call_agent_quota: {
    label: 'agent_device',
    fault: ({ severity }) => ({ agentQuota: pick(severity, [0.14, 0.1, 0.07]) }),
    call: true,
  },
  call_agent_burn: {
    label: 'agent_device',
    fault: ({ severity, random }) => ({
      agentBurn: { share: pick(severity, [0.6, 0.8, 0.93]), pieceMs: Math.round(between(random, 90, 350)) },
    }),
    call: true,
    heavy: true,
  },
};
/** Families of which several viewers suffer at once: how the others fare is part of the trace. */
const CROWDS: Record<string, Family> = {
  crowd_stall: { label: 'platform_delivery', fault: edgeStall, levels: 1, crowd: true },
  crowd_throttled: { label: 'platform_delivery', fault: throttled, contents: DENSE, levels: 1, crowd: true },
  crowd_loss: { label: 'viewer_network', fault: lossRandom, contents: DENSE, crowd: true },
};
Object.assign(FAMILIES, CALLS, CROWDS);

function two(
  label: Cause,
  first: (s: Setting) => Fault,
  also: Cause,
  second: (s: Setting) => Fault,
  heavy = false,
): Family {
  return {
    label,
    also,
    heavy,
    fault: (setting) => ({ ...second({ ...setting, severity: 1 }), ...first({ ...setting, severity: 3 }) }),
  };
}

/** Families of one round of the plan; some more often, so that every cause has about as many runs and controls have a quarter. */
const ROUND = [
  ...[
    'clean',
    'loss_random',
    'slow_first_byte',
    'cpu_quota',
    'source_frozen',
    'clean_slow',
    'rate_limit',
    'edge_stall',
  ],
  ...[
    'source_black',
    'clean_far',
    'busy_main',
    'throttled_edge',
    'loss_bursty',
    'clean',
    'source_stopped',
    'missing_segments',
  ],
  ...[
    'bufferbloat',
    'clean_mobile',
    'source_damaged',
    'cpu_quota',
    'broken_segments',
    'delay',
    'clean_slow',
    'busy_main',
  ],
  ...['jitter', 'clean_far'],
];
/** Families of one round of the plan of calls. */
const ROUND_OF_CALLS = [
  ...[
    'call_clean',
    'call_agent_loss',
    'call_server_busy',
    'call_agent_quota',
    'call_loss',
    'call_first_byte',
    'call_clean_far',
  ],
  ...['call_agent_bursts', 'call_server_drops', 'call_agent_burn', 'call_quota', 'call_clean', 'call_agent_rate'],
  ...['call_uplink_rate', 'call_missing', 'call_frozen', 'call_clean_far'],
];
/** Families of one round of the plan of crowds. */
const ROUND_OF_CROWDS = ['crowd_stall', 'crowd_throttled', 'crowd_loss'];
/** Families of two causes, a third as often each. */
const ROUND_OF_TWO = [
  'loss_and_quota',
  'loss_and_first_byte',
  'quota_and_first_byte',
  'burn_and_missing',
  'quota_and_loss',
  'frozen_and_loss',
];

/** A run to be recorded. */
export interface Recipe {
  family: string;
  severity: Severity;
  content: Content;
  seed: number;
  label: Cause;
  also?: Cause;
  call: boolean;
  demo: boolean;
  crowd: boolean;
  heavy: boolean;
  levels: number;
  /** Segments that the player stays behind the live edge. */
  behindSegments: number;
  /** The host's page hands its player over. */
  handOver: boolean;
  /** From the first picture to the fault, s; 0: it is there from the beginning. */
  faultAfterS: number;
  /** From the fault to the opening of the chat, s. */
  chatAfterS: number;
  /** First segment. */
  begin: number;
}

/** Chance by seed: mulberry32. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The plan of a seed, without end. `calls` or `crowds` instead of families: their rounds. */
export function* plan(seed: number, families: readonly string[] = []): Generator<Recipe> {
  for (let round = 0; ; round += 1) {
    const third = ROUND_OF_TWO.filter((_, n) => n % 3 === round % 3);
    const rounds: Record<string, string[]> = {
      calls: ROUND_OF_CALLS,
      crowds: ROUND_OF_CROWDS,
      '': [...ROUND, ...third],
    };
    const names = rounds[families[0] ?? ''] ?? families;
    for (const [place, family] of names.entries()) yield recipe(family, seed, round, place);
  }
}

function recipe(family: string, seed: number, round: number, place: number): Recipe {
  const { contents = CONTENTS } = familyOf(family);
  const severity = SEVERITIES[(round + place) % SEVERITIES.length] as Severity;
  const content = contents[(round * 2 + place + Math.floor(round / SEVERITIES.length)) % contents.length] as Content;
  return recipeOf(family, { severity, content, seed: (seed * 10_007 + round * 211 + place) >>> 0 });
}

/** The recipe of a family with this severity and content; the rest is drawn by its seed. */
export function recipeOf(family: string, of: { severity: Severity; content: Content; seed: number }): Recipe {
  const told = familyOf(family);
  const { label, also, levels, heavy = false, call = false, demo = false, crowd = false } = told;
  const { atOnce: mayBeginAtOnce = true } = told;
  const random = dice(of.seed);
  const atOnce = random() < 0.15 && mayBeginAtOnce && label !== 'none_observed' && !call;
  return {
    family,
    ...of,
    label,
    ...(also ? { also } : {}),
    call,
    demo,
    crowd,
    heavy,
    levels: levels ?? 1 + Math.floor(random() * 3),
    behindSegments: random() < 0.5 ? 2 : 3,
    handOver: random() < 0.6,
    faultAfterS: atOnce ? 0 : Math.round(between(random, 13, 19)),
    ...opening(atOnce, random),
    begin: 60 + Math.floor(random() * 600),
  };
}

/**
 * When the chat is opened. Half of the viewers write while the picture still runs from its buffer or has just stopped: these tell
 * how soon after a fault the verdict is right. The others have suffered for a while: these tell what is known before a word.
 */
function opening(atOnce: boolean, random: () => number): Pick<Recipe, 'chatAfterS'> {
  const at = random();
  if (atOnce || random() < 0.5) return { chatAfterS: Math.round(13 + 6 * at) };
  return { chatAfterS: Math.round(2 + 3 * at) };
}

/** What the recipe does, once the rates of its levels are known. */
export function faultOf(recipe: Recipe, kbps: readonly number[]): Fault {
  return familyOf(recipe.family).fault(settingOf(recipe, kbps, 2));
}

/** The viewer's line from the beginning on. */
export function lineOf(recipe: Recipe, kbps: readonly number[]): LineChange {
  const setting = settingOf(recipe, kbps, 1);
  return familyOf(recipe.family).line?.(setting) ?? goodLine(setting.random, setting.mostKbps);
}

function settingOf({ severity, seed }: Recipe, kbps: readonly number[], stream: number): Setting {
  return { severity, leastKbps: Math.min(...kbps), mostKbps: Math.max(...kbps), random: dice(seed * 31 + stream) };
}

function familyOf(name: string): Family {
  const family = FAMILIES[name];
  if (!family) throw new Error(`no family ${name}; there are ${Object.keys(FAMILIES).join(', ')}`);
  return family;
}
