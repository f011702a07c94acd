// What webrtc-issue-detector says of the corpus' calls, beside our own labels: npm run others. Its own pipeline runs (scores and all
// of its detectors, with its defaults and its interval of 5 s); only where it would read getStats of a living connection, it reads
// what the page of that end read then. It looks at one connection at a time and names symptoms, so they are counted as the cause
// that they speak of; the one it names most often from the fault on is taken.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

// It wants to be in a page.
globalThis.window ??= globalThis;
const { default: WebRTCIssueDetector } = await import('../browser/node_modules/webrtc-issue-detector/dist/bundle-esm.js');

const FOLDER = resolve(process.argv[2] ?? resolve(import.meta.dirname, 'traces'));
/** Its default. */
const EACH_S = 5;
/** Both ends of a call, and how its lanes are called. */
const ENDS = { viewer: ['viewer_up', 'viewer_down'], agent: ['agent_up', 'agent_down'] };
/** What its reasons speak of. Frozen and missing pictures are symptoms without a cause. */
const CAUSES = {
  'outbound-network-quality': 'network',
  'outbound-network-media-latency': 'network',
  'outbound-network-throughput': 'network',
  'low-outbound-mean-opinion-score': 'network',
  'inbound-network-quality': 'network',
  'inbound-network-media-latency': 'network',
  'inbound-network-throughput': 'network',
  'low-inbound-mean-opinion-score': 'network',
  'network-media-sync-failure': 'network',
  'encoder-cpu-throttling': 'device',
  'decoder-cpu-throttling': 'device',
  'server-issue': 'server',
};

const sum = (...values) => values.reduce((all, value) => all + (value ?? 0), 0);

/** A stream as its parser would give it: the report, its id, and rates since the reading before. */
function stream(report, before, seconds, ssrc, kind) {
  if (!report) return [];
  const rate = (name) => Math.max(0, (report[name] ?? 0) - (before?.[name] ?? 0)) / seconds;
  const sends = report.packetsSent !== undefined;
  return [
    {
      track: {},
      ...report,
      id: ssrc,
      ssrc,
      kind,
      bitrate: 8 * rate(sends ? 'bytesSent' : 'bytesReceived'),
      packetRate: rate(sends ? 'packetsSent' : 'packetsReceived'),
      targetBitrate: report.targetBitrate ?? 0,
      active: true,
      trackIdentifier: ssrc,
    },
  ];
}

/** What the other end reports of what is sent. */
function remote(report, ssrc) {
  if (report?.fractionLost === undefined && report?.roundTripTime === undefined) return [];
  const { fractionLost = 0, packetsLost = 0, jitter = 0, roundTripTime = 0 } = report;
  return [{ ssrc, fractionLost, packetsLost, jitter, roundTripTime }];
}

function parsed(id, [up, down], [upBefore, downBefore]) {
  const pair = down?.pair ?? up?.pair ?? {};
  const part = (kind) => ({
    inbound: stream(down?.[kind], downBefore?.[kind], EACH_S, `${id}-${kind}-in`, kind),
    outbound: stream(up?.[kind], upBefore?.[kind], EACH_S, `${id}-${kind}-out`, kind),
  });
  return {
    audio: part('audio'),
    video: part('video'),
    connection: {
      ...pair,
      id,
      packetsSent: sum(up?.video?.packetsSent, up?.audio?.packetsSent),
      packetsReceived: sum(down?.video?.packetsReceived, down?.audio?.packetsReceived),
      local: { id: 'local', candidateType: pair.localCandidateType },
      remote: { id: 'remote', candidateType: pair.remoteCandidateType },
    },
    remote: {
      audio: { inbound: remote(up?.audio, `${id}-audio-out`), outbound: [] },
      video: { inbound: remote(up?.video, `${id}-video-out`), outbound: [] },
    },
  };
}

/** Its issues of one end: reason and second. */
async function issuesOf(end, lanes, fromMs) {
  const found = [];
  let item = null;
  let second = 0;
  const detector = new WebRTCIssueDetector({
    autoAddPeerConnections: false,
    compositeStatsParser: { addPeerConnection() {}, parse: async () => [item] },
    onIssues: (issues) => found.push(...issues.map(({ reason }) => ({ reason, second }))),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const [up, down] = ENDS[end].map((name) => new Map((lanes[name] ?? []).map((s) => [Math.round(s.t / 1_000), s])));
  const seconds = [...new Set([...up.keys(), ...down.keys()])].sort((a, b) => a - b).filter((_, n) => n % EACH_S === 0);
  let before = [undefined, undefined];
  for (const at of seconds) {
    const now = [up.get(at), down.get(at)];
    second = at - fromMs / 1_000;
    item = { id: end, timeTaken: 0, stats: parsed(end, now, before) };
    await detector.statsReporter.parseReports();
    before = now;
  }
  return found;
}

const runs = readFileSync(resolve(FOLDER, 'manifest.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const table = new Map();
for (const run of runs.filter(({ call }) => call)) {
  const { lanes } = JSON.parse(gunzipSync(readFileSync(resolve(FOLDER, `${run.id}.json.gz`))).toString());
  const fromMs = Math.min(...Object.values(lanes).flatMap((lane) => lane.map(({ t }) => t)));
  const counts = new Map();
  for (const end of Object.keys(ENDS)) {
    for (const { reason, second } of await issuesOf(end, lanes, fromMs)) {
      const cause = CAUSES[reason];
      if (!cause || second < (run.faultS ?? 0)) continue;
      const name = cause === 'server' ? 'media_server' : `${end}_${cause}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const said = [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'none_observed';
  const row = table.get(run.label) ?? new Map();
  row.set(said, (row.get(said) ?? 0) + 1);
  table.set(run.label, row);
}
console.log('| done | it names | right |\n|---|---|---|');
for (const [label, row] of [...table].sort()) {
  const all = sum(...row.values());
  const said = [...row].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
  console.log(`| ${label} | ${said.join(', ')} | ${row.get(label) ?? 0} of ${all} |`);
}
process.exit(0);
