// The media part of the signaling, shared by both sessions: an offer goes out, the answer comes back as a message of its
// own, and one offer is under way at a time on a connection, whoever makes it: an answer says nothing of its offer.

import type { CallId, LineKnowledge } from '../protocol/generated.ts';
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
  return (sdp, restart) => {
    const last = underWay.get(connection) ?? Promise.resolve();
    const answer = last.then(() => exchange(connection, sdp, restart, viewer));
    underWay.set(
      connection,
      answer.catch(() => {}),
    );
    return answer;
  };
}

function exchange(
  connection: Connection,
  sdp: string,
  restart: boolean,
  viewer: ViewerOffer | undefined,
): Promise<MediaAnswer> {
  return new Promise((resolve, reject) => {
    const finish = (run: () => void) => {
      clearTimeout(timer);
      end();
      run();
    };
    const end = connection.on('message', (message) => {
      if (message.t !== 'media_answer') return;
      const answer: MediaAnswer = { sdp: message.sdp };
      if (message.start_bitrate_kbps !== undefined) answer.startBitrateKbps = message.start_bitrate_kbps;
      finish(() => resolve(answer));
    });
    const timer = setTimeout(
      () => finish(() => reject(new RequestError('disconnected', 'no answer to the media offer'))),
      ANSWER_TIMEOUT_MS,
    );
    connection
      .request({ t: 'media_offer', sdp, restart, ...(viewer && { call: viewer.call, line: viewer.line() }) })
      .catch((error: RequestError) => finish(() => reject(error)));
  });
}
