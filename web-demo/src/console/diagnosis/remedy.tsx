// Owns what is done about a cause: replies that one click puts into the composer, and who does what.

import type { Remedy } from '../../client/diagnosis.ts';
import { langOf, localeOf } from '../../i18n/i18n.ts';
import type { ConversationSummary } from '../../protocol/generated.ts';
import { Icon } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import type { Desk } from '../desk/desk.ts';
import { diagnosisTexts } from './texts.ts';

/** Replies to suggest, in the viewer's language; sending them stays the agent's. */
export function Replies({ desk, row, remedy }: { desk: Desk; row: ConversationSummary; remedy: Remedy }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const theirs = langOf(row.lang) ?? lang;
  return (
    <div class="replies">
      <h3 class="why__title">{t.replies}</h3>
      <ul>
        {remedy.replies.map((reply) => (
          <li key={reply.en}>
            <button
              type="button"
              class="replies__one"
              lang={localeOf(theirs)}
              title={t.replyHint}
              onClick={() => desk.suggestReply(row.id, reply[theirs])}
            >
              <Icon name="chat" size={14} />
              <span>{reply[theirs]}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Who does what, when it goes further, and how one sees that it helped. */
export function Remedies({ remedy }: { remedy: Remedy }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const rows = [
    [t.remedyAgent, remedy.agent],
    [t.remedyViewer, remedy.viewer],
    [t.remedyEscalate, remedy.escalate],
    [t.remedyHelped, remedy.helped],
  ] as const;
  return (
    <details class="remedies">
      <summary>{t.remedy}</summary>
      <dl class="facts">
        {rows.map(([name, text]) => (
          <div class="facts__one" key={name}>
            <dt>{name}</dt>
            <dd>{text[lang]}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
