// A diagnosis as the server answers it, for what is about looks and operation of the console alone: which verdict the server
// gives is tested with real faults elsewhere.

import type { Page, WebSocketRoute } from '@playwright/test';
import type { Cause, ConversationSummary, Incident, VerdictBrief, VerdictWord, VerdictWordDraft } from '../../../web-demo/src/protocol/generated.ts';

const SENTENCE = {
  en: 'The viewer\'s network: the line check loses 6.2 % of its packets, the picture waited 12.4 s for data, the round trip is 240 ms above its usual.',
  zh: '观众的网络：线路检测丢包 6.2 %，画面共卡顿 12.4 s，网络往返时间比平时高 240 ms。',
};

/** A verdict as it comes with a row. */
export function brief(cause: Cause, change: Partial<VerdictBrief> = {}): VerdictBrief {
  return {
    version: 1,
    cause,
    confidence: 0.863,
    when: 'now',
    at_ms: Date.now(),
    agent: SENTENCE,
    viewer: SENTENCE,
    own_share: false,
    ...change,
  };
}

const fact = (kind: string, lane: string, value: number, unit: string, threshold: number | null, source = 'own') => ({
  kind,
  lane,
  value,
  unit,
  threshold,
  source,
  from_ms: Date.now() - 18_000,
  to_ms: Date.now() - 4_000,
  own_share: false,
});

/** The whole diagnosis of a verdict. */
export function diagnosis({ cause, confidence }: VerdictBrief, word?: VerdictWord) {
  const now = Date.now();
  const issue = (kind: string, lane: string, fromS: number, toS: number, worst: number, unit: string, threshold: number, context = false) => ({
    kind,
    family: 'delivery',
    lane,
    state: toS === 0 ? 'open' : 'resolved',
    from_ms: now - fromS * 1_000,
    to_ms: now - toS * 1_000,
    duration_ms: (fromS - toS) * 1_000,
    context,
    own_share: false,
    evidence: { measure: 'measured', worst, mean: worst * 0.7, unit, threshold, bad: 'above', source: 'own', seconds: 9 },
  });
  return {
    version: 1,
    window: { from_ms: now - 60_000, to_ms: now },
    scores: {},
    issues: [
      issue('player_stall', 'player', 40, 31, 1_000, 'ms', 500),
      issue('player_stall', 'player', 18, 0, 900, 'ms', 500),
      issue('slow_segments', 'segments', 22, 3, 2.4, '', 1),
      issue('downlink_bufferbloat', 'device', 20, 5, 260, 'ms', 100),
      issue('software_decoder', 'device', 55, 0, 1, '', 1, true),
    ],
    lanes_missing: ['picture'],
    verdict: {
      version: 1,
      cause,
      confidence,
      summary: { agent: SENTENCE, viewer: SENTENCE },
      evidence: [
        fact('line_loss', 'preflights', 6.2, '%', 2, 'webrtc-issue-detector'),
        fact('player_stalled', 'player', 12_400, 'ms', 500),
        fact('ping_raised', 'device', 240, 'ms', 100, 'bufferbloat.net'),
        fact('slow_segments', 'segments', 240, '%', 100),
      ],
      contradicting: [fact('prompt_first_byte', 'segments', 90, 'ms', 300)],
      ruled_out: [
        { cause: 'viewer_device', by: fact('no_frames_dropped', 'player', 0.3, '%', null) },
        { cause: 'platform_source', by: fact('reference_sound', 'references', 1, '%', null) },
      ],
      also: null,
      when: 'now',
      window: { from_ms: now - 20_000, to_ms: now },
      own_share: false,
      needs: [],
    },
    remedy: {
      cause,
      agent: { en: 'Ask for another network, check the line again and compare loss and round trip', zh: '请观众换网络后再测一次线路，比较丢包和往返时间' },
      viewer: { en: 'Move closer to the router, use a cable or 5 GHz', zh: '靠近路由器、改用网线或 5 GHz' },
      escalate: { en: 'When several viewers of one provider are affected: to the network duty', zh: '同一运营商多人受影响时，转交网络值班' },
      helped: { en: 'Loss below 1 %, no stall for two minutes', zh: '丢包低于 1 %，两分钟没有卡顿' },
      replies: [
        { en: 'The stutter comes from your connection. Could you try 5 GHz or a cable?', zh: '从数据看，卡顿来自您的网络。可以先换成 5 GHz 或网线试试吗？' },
        { en: 'If you cannot change the network now, please choose a lower quality.', zh: '如果暂时不能换网络，请先把清晰度调低一档。' },
      ],
    },
    ...(word === undefined ? {} : { word }),
  };
}

/** What the stand-in heard and tells. */
export interface Judged {
  /** Words on verdicts that were saved. */
  readonly words: VerdictWordDraft[];
  /** Sends another verdict of a conversation, as after a block. */
  tell(ticket: number, verdict: VerdictBrief): void;
  /** Sends the incidents. */
  incidents(list: Incident[]): void;
}

/** Lets the desk's conversations have the verdicts that `of` gives for their tickets. */
export async function withVerdicts(page: Page, of: (ticket: number) => VerdictBrief | undefined): Promise<Judged> {
  const told = new Map<number, VerdictBrief>();
  const rows = new Map<number, ConversationSummary>();
  const words: VerdictWordDraft[] = [];
  let said: VerdictWord | undefined;
  let socket: WebSocketRoute | undefined;
  const verdictOf = (ticket: number) => told.get(ticket) ?? of(ticket);
  const judged = <T extends ConversationSummary>(row: T): T => {
    rows.set(row.ticket, row);
    return { ...row, verdict: verdictOf(row.ticket) };
  };
  await page.routeWebSocket(/\/ws/, (opened) => {
    socket = opened;
    const server = opened.connectToServer();
    server.onMessage((data) => {
      const message = JSON.parse(String(data));
      if (message.t === 'desk') message.conversations = message.conversations.map(judged);
      opened.send(JSON.stringify(message.t === 'desk_update' ? judged(message) : message));
    });
  });
  await page.route(/\/api\/v1\/tickets\/\d+\/diagnosis$/, (route) => {
    const ticket = Number(/tickets\/(\d+)/.exec(route.request().url())?.[1]);
    return route.fulfill({ json: diagnosis(verdictOf(ticket) ?? brief('undetermined'), said) });
  });
  await page.route(/\/diagnosis\/word$/, (route) => {
    const draft = route.request().postDataJSON() as VerdictWordDraft;
    const ticket = Number(/tickets\/(\d+)/.exec(route.request().url())?.[1]);
    words.push(draft);
    said = { ...draft, said: verdictOf(ticket)?.cause ?? 'undetermined', by: 'Robin Vale', at_ms: Date.now() };
    return route.fulfill({ json: said });
  });
  return {
    words,
    tell(ticket, verdict) {
      told.set(ticket, verdict);
      const row = rows.get(ticket);
      if (row !== undefined) socket?.send(JSON.stringify({ t: 'desk_update', ...row, verdict }));
    },
    incidents(list) {
      socket?.send(JSON.stringify({ t: 'incidents', list }));
    },
  };
}
