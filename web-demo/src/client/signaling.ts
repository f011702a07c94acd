// The media part of the signaling, shared by both sessions: an offer goes out, the answer comes back as a message of its
// own, and one offer is under way at a time on a connection, whoever makes it: an answer says nothing of its offer.

import type { CallId, ClientMessage, LineKnowledge, ServerMessage } from '../protocol/generated.ts';
import { type Connection, RequestError } from './connection.ts';

/** Without an answer after this long an offer counts as lost, ms. */
const ANSWER_TIMEOUT_MS = 10_000;

/** The server's answer to an offer. */
export interface MediaAnswer {
  sdp: string;
  /** What the first picture may use, kbit/s; absent when nothing is known of the line. */
  startBitrateKbps?: number;
}

/** Sends an offer and waits for its answer. @throws RequestError */
export type OfferMedia = (sdp: string, restart: boolean) => Promise<MediaAnswer>;

/** The last offer of each connection. */
const underWay = new WeakMap<Connection, Promise<unknown>>();

/** What viewers alone say with an offer. */
export interface ViewerOffer {
  /** The call it is for. */
  call: CallId;
  /** What the page knows of its line, asked when the offer leaves. */
  line: () => LineKnowledge;
}

/** Offers over a connection. `viewer` is given by viewers alone. */
export function offerOver(connection: Connection, viewer?: ViewerOffer): OfferMedia {
  return inTurn(connection, (sdp, restart) =>
    exchange(
      connection,
      { t: 'media_offer', sdp, restart, ...(viewer && { call: viewer.call, line: viewer.line() }) },
      (message) => (message.t === 'media_answer' ? message : null),
    ),
  );
}

/** Offers of a connection to a colleague's call. */
export function watchOver(connection: Connection, call: CallId): OfferMedia {
  return inTurn(connection, (sdp, restart) =>
    exchange(connection, { t: 'watch_call', call, sdp, restart }, (message) =>
      message.t === 'watch_answer' && message.call === call ? message : null,
    ),
  );
}

/** Offers a connection that is only there to measure the line. @throws RequestError `overloaded`, `rate_limited` */
export async function offerPreflight(connection: Connection, sdp: string): Promise<string> {
  const answer = await exchange(connection, { t: 'preflight_offer', sdp }, (message) =>
    message.t === 'preflight_answer' ? message : null,
  );
  return answer.sdp;
}

function inTurn(connection: Connection, offer: OfferMedia): OfferMedia {
  return (sdp, restart) => {
    const last = underWay.get(connection) ?? Promise.resolve();
    const answer = last.then(() => offer(sdp, restart));
    underWay.set(
      connection,
      answer.catch(() => {}),
    );
    return answer;
  };
}

/** Sends `offer` and waits for the message in which `find` sees its answer. */
function exchange(
  connection: Connection,
  offer: ClientMessage,
  find: (message: ServerMessage) => { sdp: string; start_bitrate_kbps?: number } | null,
): Promise<MediaAnswer> {
  return new Promise((resolve, reject) => {
    const finish = (run: () => void) => {
      clearTimeout(timer);
      end();
      run();
    };
    const end = connection.on('message', (message) => {
      const found = find(message);
      if (found === null) return;
      const answer: MediaAnswer = { sdp: found.sdp };
      if (found.start_bitrate_kbps !== undefined) answer.startBitrateKbps = found.start_bitrate_kbps;
      finish(() => resolve(answer));
    });
    const timer = setTimeout(
      () => finish(() => reject(new RequestError('disconnected', 'no answer to the media offer'))),
      ANSWER_TIMEOUT_MS,
    );
    connection.request(offer).catch((error: RequestError) => finish(() => reject(error)));
  });
}
