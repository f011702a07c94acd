// Owns how a verdict, its facts and its issues are written: names, numbers with their units, and what a row's chip says.
// Pure.

import type { Diagnosis, Evidence, Issue } from '../../client/diagnosis.ts';
import { formatNumber, type Lang } from '../../i18n/i18n.ts';
import type { Cause, Sentence, VerdictBrief } from '../../protocol/generated.ts';
import type { IconName } from '../../ui/icons.ts';
import type { Tone } from '../../ui/ui.tsx';
import { bitrate, percent, plain } from '../format.ts';
import { diagnosisNames, nameIn } from './names.ts';
import { diagnosisTexts } from './texts.ts';

/** Deciding numbers beside the sentence: as many as one takes in at a glance. */
export const NUMBERS_MAX = 3;

/** How a cause looks: its icon, and the tone of who has to act. Ours is loud, the viewer's is warm, nobody's is calm. */
export const LOOK: Readonly<Record<Cause, { readonly icon: IconName; readonly tone: Tone }>> = {
  viewer_network: { icon: 'wifi', tone: 'warn' },
  viewer_device: { icon: 'laptop', tone: 'warn' },
  platform_delivery: { icon: 'cloud', tone: 'danger' },
  platform_source: { icon: 'broadcast', tone: 'danger' },
  media_server: { icon: 'server', tone: 'danger' },
  agent_network: { icon: 'wifi', tone: 'info' },
  agent_device: { icon: 'laptop', tone: 'info' },
  none_observed: { icon: 'check', tone: 'neutral' },
  undetermined: { icon: 'question', tone: 'neutral' },
};

/** How a cause of a newer server looks, which this page does not know. */
const LOOK_UNKNOWN = { icon: 'question', tone: 'neutral' } as const;

/** The look of a cause. */
export function lookOf(cause: Cause): { readonly icon: IconName; readonly tone: Tone } {
  return LOOK[cause] ?? LOOK_UNKNOWN;
}

/** Whether somebody or something is blamed. */
export function blames(cause: Cause): boolean {
  return cause !== 'none_observed' && cause !== 'undetermined';
}

/** A share of 1 as it is read: `86 %`. */
export function sharePercent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** How sure a verdict is, in words. */
export function confidenceWord(confidence: number, lang: Lang): string {
  const words = diagnosisTexts(lang).confidence;
  if (confidence >= 0.85) return words.high;
  return confidence >= 0.7 ? words.middle : words.low;
}

/** What a row's chip says to those who hear it: `Verdict: viewer’s network, 86 %, seen earlier, not now`. */
export function chipSpoken(verdict: VerdictBrief, lang: Lang): string {
  const t = diagnosisTexts(lang);
  const { causeSpoken } = diagnosisNames(lang);
  const also = verdict.also === undefined ? '' : t.alsoSpoken(nameIn(causeSpoken, verdict.also));
  // That nothing can be said has no degree.
  const sure = verdict.cause === 'undetermined' ? '' : t.sure(sharePercent(verdict.confidence));
  const earlier = verdict.when === 'earlier' ? t.seenEarlier : '';
  const share = verdict.own_share ? t.ownShareSpoken : '';
  return t.chip(nameIn(causeSpoken, verdict.cause), `${sure}${also}${earlier}${share}`);
}

/** What the pointer is told at a chip: the same with the certainty in words, and the sentence. */
export function chipHint(verdict: VerdictBrief, lang: Lang): string {
  const word = blames(verdict.cause) ? ` (${confidenceWord(verdict.confidence, lang)})` : '';
  return `${chipSpoken(verdict, lang)}${word}\n${verdict.agent[lang]}`;
}

/** A fact's number with its unit. */
export function factValue({ value, unit }: Pick<Evidence, 'value' | 'unit'>, lang: Lang): string {
  if (unit === 'ms' && Math.abs(value) >= 1_000) return `${formatNumber(lang, value / 1_000, 1)} s`;
  if (unit === 'kbit/s') return bitrate(value);
  const number = formatNumber(lang, value, 1);
  return unit === '' ? number : `${number} ${unit}`;
}

/** What a fact is compared to, with its source; empty where the fact itself counts. */
export function factLimit(fact: Pick<Evidence, 'threshold' | 'unit' | 'source'>, lang: Lang): string {
  if (fact.threshold === null) return '';
  const t = diagnosisTexts(lang);
  const source = fact.source === 'own' ? t.ownSource : fact.source;
  return t.limit(factValue({ value: fact.threshold, unit: fact.unit }, lang), source);
}

/** The facts that decide: one of a kind, the heaviest first. */
export function deciding(evidence: readonly Evidence[]): Evidence[] {
  const kinds = new Set<string>();
  const first = evidence.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind));
  return first.slice(0, NUMBERS_MAX);
}

/** Issues whose measure is yes or no. */
const FLAGS: ReadonlySet<string> = new Set([
  'bandwidth_limited',
  'relayed_path',
  'tcp_path',
  'network_change',
  'encode_cpu_limited',
  'software_decoder',
  'stuck_player',
  'stuck_decoder',
]);

/** Issues whose measure is a count or a grade; what else has no unit is a share of 1. */
const COUNTS: ReadonlySet<string> = new Set(['segment_errors', 'media_errors', 'device_pressure', 'agent_pressure']);

/** A value that an issue was measured by, with its unit; `null` for yes and no, where the issue itself says it. */
export function issueValue(issue: Issue, value: number, lang: Lang): string | null {
  const { unit } = issue.evidence;
  if (unit !== '') return unit === '1/s' ? `${plain(value)} /s` : factValue({ value, unit }, lang);
  if (FLAGS.has(issue.kind)) return null;
  return COUNTS.has(issue.kind) ? plain(value) : percent(value * 100);
}

/** The limit of an issue's measure, with its side and source; empty where the measure is yes or no. */
export function issueLimit(issue: Issue, lang: Lang): string {
  const value = issueValue(issue, issue.evidence.threshold, lang);
  if (value === null) return '';
  const source = issue.evidence.source === 'own' ? diagnosisTexts(lang).ownSource : issue.evidence.source;
  const side = issue.evidence.bad === 'above' ? '≥' : '≤';
  return source === '' ? `${side} ${value}` : `${side} ${value} (${source})`;
}

/** What the sentence says, of the newest word there is. */
export interface Head {
  readonly cause: Cause;
  readonly confidence: number;
  readonly sentence: Sentence;
  readonly also: Cause | undefined;
  readonly alsoConfidence: number | undefined;
  readonly own_share: boolean;
}

/** The row's verdict comes by itself and is the newest; without one, that of the ticket's samples. */
export function headline(brief: VerdictBrief | undefined, diagnosis: Diagnosis | null): Head | null {
  const verdict = diagnosis?.verdict;
  if (brief !== undefined) {
    const { cause, confidence, own_share, also } = brief;
    const alsoConfidence = verdict?.also?.cause === also ? verdict?.also?.confidence : undefined;
    return { cause, confidence, own_share, also, alsoConfidence, sentence: brief.agent };
  }
  if (verdict === undefined || diagnosis?.window === null) return null;
  return {
    cause: verdict.cause,
    confidence: verdict.confidence,
    sentence: verdict.summary.agent,
    also: verdict.also?.cause,
    alsoConfidence: verdict.also?.confidence,
    own_share: verdict.own_share,
  };
}
