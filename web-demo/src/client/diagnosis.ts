// Owns the REST calls about why a picture stutters: the verdict of a ticket, the agent's word on it, the check of the viewer's
// line, and how often verdicts were right; and the shapes of their answers as the crate `diagnosis` writes them (docs/diagnosis.md).

import type {
  Accuracy,
  Cause,
  Incidents,
  Sentence,
  TelemetryExport,
  TicketNumber,
  VerdictWord,
  VerdictWordDraft,
} from '../protocol/generated.ts';
import { type ApiOptions, request, telemetryHref } from './api.ts';

/** Causes that can be blamed, in the order in which lists show them. */
export const BLAMED = [
  'viewer_network',
  'viewer_device',
  'platform_delivery',
  'platform_source',
  'media_server',
  'agent_network',
  'agent_device',
] as const satisfies readonly Cause[];

/** Every cause that a verdict can name. */
export const CAUSES = [...BLAMED, 'none_observed', 'undetermined'] as const satisfies readonly Cause[];

/** A stretch of time, ms since the Unix epoch on the server's clock. */
export interface TimeWindow {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** A fact with its number. */
export interface Evidence {
  /** Stable name of what was found. */
  readonly kind: string;
  /** Lane it was seen in. */
  readonly lane: string;
  readonly value: number;
  /** `%`, `ms`, `s`, `kbit/s`, or empty for counts. */
  readonly unit: string;
  /** What the value is compared to; `null` where the fact itself counts. */
  readonly threshold: number | null;
  /** Where the threshold comes from; may be empty. */
  readonly source: string;
  readonly from_ms: number;
  readonly to_ms: number;
  /** It may be an effect of our own share. */
  readonly own_share: boolean;
}

/** The answer. */
export interface Verdict {
  readonly version: number;
  readonly cause: Cause;
  /** How sure, 0 to 1. */
  readonly confidence: number;
  readonly summary: { readonly agent: Sentence; readonly viewer: Sentence };
  /** What speaks for the cause, the heaviest first. */
  readonly evidence: readonly Evidence[];
  readonly contradicting: readonly Evidence[];
  readonly ruled_out: readonly { readonly cause: Cause; readonly by: Evidence }[];
  readonly also: { readonly cause: Cause; readonly confidence: number; readonly evidence: readonly Evidence[] } | null;
  readonly when: 'now' | 'earlier' | null;
  readonly window: TimeWindow | null;
  readonly own_share: boolean;
  /** Of an undetermined verdict: lanes that hold nothing and would help. */
  readonly needs: readonly string[];
}

/** What an issue rests on. */
export interface IssueEvidence {
  readonly measure: string;
  readonly worst: number;
  readonly mean: number;
  readonly unit: string;
  readonly threshold: number;
  /** Which side of the threshold is bad. */
  readonly bad: 'above' | 'below';
  readonly source: string;
  /** Seconds beyond the threshold. */
  readonly seconds: number;
}

/** A trouble over time. */
export interface Issue {
  readonly kind: string;
  readonly family: string;
  readonly lane: string;
  readonly state: 'open' | 'resolved';
  readonly from_ms: number;
  readonly to_ms: number;
  readonly duration_ms: number;
  /** It explains and is no trouble in itself. */
  readonly context: boolean;
  readonly own_share: boolean;
  readonly evidence: IssueEvidence;
}

/** What to do about a cause. */
export interface Remedy {
  readonly viewer: Sentence;
  readonly agent: Sentence;
  readonly escalate: Sentence;
  readonly helped: Sentence;
  /** Replies to suggest, the first to send first. */
  readonly replies: readonly Sentence[];
}

/** Everything that is said about a ticket's telemetry. */
export interface Diagnosis {
  readonly version: number;
  readonly window: TimeWindow | null;
  readonly issues: readonly Issue[];
  readonly verdict: Verdict;
  /** Lanes of which nothing was measured. */
  readonly lanes_missing: readonly string[];
  readonly remedy?: Remedy;
  readonly word?: VerdictWord;
}

/** The verdict of a ticket with everything behind it. */
export function readDiagnosis(ticket: TicketNumber, options: ApiOptions = {}): Promise<Diagnosis> {
  return request('GET', `/api/v1/tickets/${ticket}/diagnosis`, undefined, options);
}

/** Says whether a verdict was right. */
export function sayWord(ticket: TicketNumber, word: VerdictWordDraft): Promise<VerdictWord> {
  return request('PUT', `/api/v1/tickets/${ticket}/diagnosis/word`, word);
}

/** Asks the viewer's page for the long check of its line. @throws ApiFailure `viewer_offline` when nobody is there */
export async function checkLine(ticket: TicketNumber): Promise<void> {
  await request('POST', `/api/v1/tickets/${ticket}/preflight`, {});
}

/** How often verdicts were right. */
export function readAccuracy(options: ApiOptions = {}): Promise<Accuracy> {
  return request('GET', '/api/v1/diagnosis/accuracy', undefined, options);
}

/** A ticket's telemetry file. */
export function readTelemetry(ticket: TicketNumber, options: ApiOptions = {}): Promise<TelemetryExport> {
  return request('GET', telemetryHref(ticket), undefined, options);
}

/** Address of a ticket's telemetry as a dump for rtcstats tools. */
export function rtcstatsHref(ticket: TicketNumber): string {
  return `${telemetryHref(ticket)}?form=rtcstats`;
}

/** The incidents of late, the newest first. */
export function readIncidents(options: ApiOptions = {}): Promise<Incidents> {
  return request('GET', '/api/v1/incidents', undefined, options);
}
