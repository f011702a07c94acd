// Tests of how verdicts, facts and issues are written, and that nothing the crate can say is without a name.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CAUSES, type Evidence, type Issue } from '../../client/diagnosis.ts';
import type { VerdictBrief } from '../../protocol/generated.ts';
import { chipHint, chipSpoken, deciding, factLimit, factValue, issueValue, LOOK } from './facts.ts';
import { diagnosisNames, nameIn } from './names.ts';

const CRATE = resolve(import.meta.dirname, '../../../../diagnosis/src');

/** The stable names of one of the crate's lists. */
function listed(file: string, list: string): string[] {
  const body = new RegExp(`names! \\{\\s*(?:///[^\\n]*\\s*)*${list} \\{([\\s\\S]*?)\\n\\s*\\}\\n`).exec(
    readFileSync(resolve(CRATE, file), 'utf8'),
  )?.[1];
  const found = [...(body ?? '').matchAll(/^\s*([A-Z][A-Za-z]+),$/gm)].map(([, name]) => name as string);
  return found.map((name) => name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase());
}

const verdict: VerdictBrief = {
  version: 1,
  cause: 'viewer_network',
  confidence: 0.863,
  when: 'now',
  at_ms: 0,
  agent: { en: 'The viewer’s network.', zh: '观众的网络。' },
  viewer: { en: '', zh: '' },
  own_share: false,
};

const fact = (change: Partial<Evidence>): Evidence => ({
  kind: 'line_loss',
  lane: 'preflights',
  value: 6.2,
  unit: '%',
  threshold: 2,
  source: 'webrtc-issue-detector',
  from_ms: 0,
  to_ms: 1_000,
  own_share: false,
  ...change,
});

describe('names', () => {
  it.each([
    ['verdict/mod.rs', 'Cause', 'cause'],
    ['model/mod.rs', 'LaneName', 'lane'],
    ['verdict/evidence.rs', 'EvidenceKind', 'evidence'],
    ['issues/mod.rs', 'IssueKind', 'issue'],
    ['model/context.rs', 'MarkKind', 'mark'],
  ] as const)('stand for everything in %s %s, in both languages', (file, list, table) => {
    const names = listed(file, list);
    expect(names.length).toBeGreaterThan(5);
    for (const lang of ['en', 'zh'] as const) {
      expect(names.filter((name) => !Object.hasOwn(diagnosisNames(lang)[table], name))).toEqual([]);
    }
  });

  it('are the causes of the protocol, each with a look', () => {
    expect(listed('verdict/mod.rs', 'Cause')).toEqual([...CAUSES]);
    expect(Object.keys(LOOK).sort()).toEqual([...CAUSES].sort());
  });

  it('give way to the stable name where the server is newer than the page', () => {
    expect(nameIn(diagnosisNames('en').evidence, 'moon_phase')).toBe('moon phase');
    expect(nameIn(diagnosisNames('en').evidence, 'constructor')).toBe('constructor');
  });
});

describe('the chip', () => {
  it('says cause and certainty', () => {
    expect(chipSpoken(verdict, 'en')).toBe('Verdict: viewer’s network, 86 %');
    expect(chipSpoken(verdict, 'zh')).toBe('判断：观众的网络，86 %');
  });

  it('says a second cause, what is over, and our own share', () => {
    const more = { ...verdict, also: 'viewer_device', when: 'earlier', own_share: true } as const;
    expect(chipSpoken(more, 'en')).toBe(
      'Verdict: viewer’s network, 86 %, and viewer’s device, seen earlier, not now, began with our own share',
    );
  });

  it('gives no degree to what cannot be said', () => {
    expect(chipSpoken({ ...verdict, cause: 'undetermined', confidence: 0.5 }, 'en')).toBe('Verdict: not clear yet');
    expect(chipHint({ ...verdict, cause: 'undetermined' }, 'en')).not.toContain('likely');
    expect(chipHint(verdict, 'en')).toBe('Verdict: viewer’s network, 86 % (very likely)\nThe viewer’s network.');
  });
});

describe('numbers', () => {
  it('have their units', () => {
    expect(factValue({ value: 6.2, unit: '%' }, 'en')).toBe('6.2 %');
    expect(factValue({ value: 1_340, unit: 'ms' }, 'en')).toBe('1.3 s');
    expect(factValue({ value: 12_400, unit: 'ms' }, 'en')).toBe('12.4 s');
    expect(factValue({ value: 420, unit: 'ms' }, 'en')).toBe('420 ms');
    expect(factValue({ value: 24, unit: 's' }, 'en')).toBe('24 s');
    expect(factValue({ value: 840, unit: 'kbit/s' }, 'en')).toBe('840 kbit/s');
    expect(factValue({ value: 3, unit: '' }, 'en')).toBe('3');
  });

  it('stand beside what they are compared to', () => {
    expect(factLimit(fact({}), 'en')).toBe('limit 2 % (webrtc-issue-detector)');
    expect(factLimit(fact({ source: 'own' }), 'zh')).toBe('界限 2 %（自定）');
    expect(factLimit(fact({ threshold: null }), 'en')).toBe('');
  });

  it('that decide are at most three, of different kinds', () => {
    const kinds = ['line_loss', 'line_loss', 'player_stalled', 'slow_segments', 'ping_raised'];
    const found = deciding(kinds.map((kind, value) => fact({ kind, value })));
    expect(found.map((one) => [one.kind, one.value])).toEqual([
      ['line_loss', 0],
      ['player_stalled', 2],
      ['slow_segments', 3],
    ]);
  });

  it('of issues are shares, counts, or nothing where it is yes or no', () => {
    const issue = (kind: string, unit: string) => ({ kind, evidence: { unit } }) as unknown as Issue;
    expect(issueValue(issue('uplink_loss', ''), 0.125, 'en')).toBe('13 %');
    expect(issueValue(issue('uplink_rtt', 'ms'), 420, 'en')).toBe('420 ms');
    expect(issueValue(issue('device_pressure', ''), 2, 'en')).toBe('2');
    expect(issueValue(issue('tcp_path', ''), 1, 'en')).toBeNull();
    expect(issueValue(issue('key_frame_storm', '1/s'), 1.5, 'en')).toBe('1.5 /s');
  });
});

describe('the flags and counts', () => {
  it('are all of the crate’s measures without a unit that are no shares', () => {
    const share = /share|frames$|frames (with|of|like|dropped)|time (of|in|to)|time of|of all|torn/;
    const rows = ['network_up', 'network_down', 'device', 'sfu', 'delivery', 'picture', 'agent'].flatMap((file) => [
      ...readFileSync(resolve(CRATE, `issues/${file}.rs`), 'utf8').matchAll(
        /kind: IssueKind::(\w+),[\s\S]*?measure: "([^"]*)",\s*unit: "([^"]*)"/g,
      ),
    ]);
    expect(rows.length).toBeGreaterThan(40);
    for (const [, variant = '', measure, unit] of rows) {
      const kind = variant.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
      const shown = issueValue({ kind, evidence: { unit } } as unknown as Issue, 0.5, 'en');
      if (unit === '' && shown === '50 %') expect(measure, kind).toMatch(share);
      if (unit === '' && shown !== '50 %') expect(measure, kind).not.toMatch(/share|dropped/);
    }
  });
});
