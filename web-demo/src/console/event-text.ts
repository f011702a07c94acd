// Owns the sentence of each event of a timeline. Pure.

import { endReasonTexts } from '../i18n/common.ts';
import { formatDuration, type Lang } from '../i18n/i18n.ts';
import type { Entry } from '../protocol/generated.ts';
import { texts } from './texts.ts';

/** What an event says; a message is its own text. */
export function eventText(entry: Entry, lang: Lang): string {
  const events = texts(lang).events;
  const body = entry.body;
  switch (body.kind) {
    case 'message':
      return body.text;
    case 'taken':
      return events.taken(body.name);
    case 'released':
      return events.released(entry.author.name);
    case 'resolved':
      return events.resolved(entry.author.name);
    case 'reopened':
      return events.reopened;
    case 'call_invited':
      return events.invited(entry.author.name);
    case 'call_accepted':
      return events.accepted[body.surface];
    case 'call_joined':
      return events.joined(body.name);
    case 'call_left':
      return events.left(body.name);
    case 'call_ended': {
      const reason = inSentence(endReasonTexts(lang)[body.reason]);
      return body.duration_ms > 0
        ? events.ended(reason, formatDuration(lang, body.duration_ms))
        : events.notStarted(reason);
    }
    case 'picture':
      return events.picture;
    case 'note':
      return body.text;
    case 'hidden':
      return events.hidden;
    case 'call_requested':
      return events.requested;
    case 'call_request_ended':
      return events.requestEnded(entry.author.name);
    case 'rated':
      return events.rated(body.score, body.comment);
    default:
      return unknownEvent(body);
  }
}

/** An event of a newer server: its name is better than nothing. */
function unknownEvent(body: never): string {
  return (body as { kind?: string }).kind ?? '';
}

/** A sentence's beginning inside another sentence: `The viewer declined` → `the viewer declined`. */
function inSentence(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
