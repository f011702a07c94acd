// Owns the REST calls of the agents' pages: typed answers, typed failures, one way to read an error body. It keeps no
// state and retries nothing; a page decides what a failure means.

import type {
  ApiError,
  CannedReplies,
  CannedReply,
  CannedReplyDraft,
  CannedReplyId,
  ErrorCode,
  Ops,
  PictureId,
  Series,
  SessionView,
  Ticket,
  TicketList,
} from '../protocol/generated.ts';

/** A request that was refused or could not be made. */
export class ApiFailure extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The server's reason, when it gave one. */
  readonly code: ErrorCode | undefined;

  constructor(status: number, code: ErrorCode | undefined, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.code = code;
  }
}

/** Longest wait for an answer, ms; after it the page says that the server cannot be reached. */
export const ANSWER_MS_MAX = 15_000;

/** What a request may carry. */
export interface ApiOptions {
  /** Ends the request when the page no longer wants it. */
  signal?: AbortSignal;
  /** API key for pages opened without a session. */
  bearer?: string;
}

/** Who is signed in; `null` when nobody is. */
export async function readSession(options: ApiOptions = {}): Promise<SessionView | null> {
  try {
    return (await request<SessionView | undefined>('GET', '/api/v1/session', undefined, options)) ?? null;
  } catch (failure) {
    if (failure instanceof ApiFailure && (failure.status === 401 || failure.status === 403)) return null;
    throw failure;
  }
}

/** Signs in; the cookie comes with the answer. */
export function signIn(login: string, password: string): Promise<SessionView> {
  return request('POST', '/api/v1/session', { login, password });
}

/** Signs out. */
export async function signOut(): Promise<void> {
  await request('DELETE', '/api/v1/session');
}

/** Whether this is a demo server. */
export async function isDemo(options: ApiOptions = {}): Promise<boolean> {
  return (await request<{ demo: boolean }>('GET', '/api/v1/demo', undefined, options)).demo;
}

/** Signs in as the demo agent; demo servers only. */
export function signInToDemo(): Promise<SessionView> {
  return request('POST', '/api/v1/demo/sign-in', {});
}

/** Which tickets to list. */
export interface TicketQuery {
  /** Only this status. */
  status?: 'waiting' | 'taken' | 'resolved' | undefined;
  /** Only numbers below this one: `next_before` of the page before. */
  before?: number | undefined;
  /** Rows a page. */
  limit: number;
}

/** One page of tickets, newest first. */
export function listTickets(query: TicketQuery, options: ApiOptions = {}): Promise<TicketList> {
  const parameters = new URLSearchParams({ limit: String(query.limit) });
  if (query.status !== undefined) parameters.set('status', query.status);
  if (query.before !== undefined) parameters.set('before', String(query.before));
  return request('GET', `/api/v1/tickets?${parameters}`, undefined, options);
}

/** One ticket with its timeline, calls and player. */
export function readTicket(number: number, options: ApiOptions = {}): Promise<Ticket> {
  return request('GET', `/api/v1/tickets/${number}`, undefined, options);
}

/** The newest samples of a ticket's player: of the last three minutes. */
export function readPlayer(number: number, options: ApiOptions = {}): Promise<Series> {
  return request('GET', `/api/v1/tickets/${number}/player`, undefined, options);
}

/** Address of a ticket's telemetry file. */
export function telemetryHref(number: number): string {
  return `/api/v1/tickets/${number}/telemetry`;
}

/** The desk's canned replies. */
export function listCannedReplies(options: ApiOptions = {}): Promise<CannedReplies> {
  return request('GET', '/api/v1/canned-replies', undefined, options);
}

/** Adds a canned reply. */
export function addCannedReply(draft: CannedReplyDraft): Promise<CannedReply> {
  return request('POST', '/api/v1/canned-replies', draft);
}

/** Changes a canned reply. */
export function changeCannedReply(id: CannedReplyId, draft: CannedReplyDraft): Promise<CannedReply> {
  return request('PUT', `/api/v1/canned-replies/${encodeURIComponent(id)}`, draft);
}

/** Deletes a canned reply. */
export async function deleteCannedReply(id: CannedReplyId): Promise<void> {
  await request('DELETE', `/api/v1/canned-replies/${encodeURIComponent(id)}`);
}

/** Address of a picture of a chat, for an agent's own pages: the cookie gives the right to see it. */
export function pictureHref(picture: PictureId): string {
  return `/api/v1/pictures/${encodeURIComponent(picture)}`;
}

/** What the operations page shows. */
export function readOps(options: ApiOptions = {}): Promise<Ops> {
  return request('GET', '/api/v1/ops', undefined, options);
}

/** One request with its typed answer. @throws ApiFailure when it is refused, cannot be made or takes too long */
export async function request<T>(method: string, path: string, body?: unknown, options: ApiOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (options.bearer !== undefined) headers.authorization = `Bearer ${options.bearer}`;
  const limit = AbortSignal.timeout(ANSWER_MS_MAX);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  const init: RequestInit = { method, headers, signal, credentials: 'same-origin', cache: 'no-store' };
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiFailure(0, undefined, 'no answer');
  }
  if (!answer.ok) throw await failureOf(answer);
  if (answer.status === 204 || answer.status === 202) return undefined as T;
  try {
    return (await answer.json()) as T;
  } catch {
    throw new ApiFailure(answer.status, undefined, 'the answer is not JSON');
  }
}

async function failureOf(answer: Response): Promise<ApiFailure> {
  try {
    const error = (await answer.json()) as Partial<ApiError>;
    return new ApiFailure(answer.status, error.code, error.message ?? answer.statusText);
  } catch {
    return new ApiFailure(answer.status, undefined, answer.statusText);
  }
}
