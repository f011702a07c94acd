// Owns what is laid over a timeline's lanes: troubles as spans that open what they rest on, and the names of marks.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { TimeWindow } from '../../client/diagnosis.ts';
import { classes } from '../../ui/ui.tsx';
import { lay, type Sight, type Span } from '../telemetry/spans.ts';

/** A trouble on a lane. */
export interface LaneSpan extends Span {
  /** Id of the lane that it stands on. */
  readonly lane: string;
  /** What it is, as it is written in the span. */
  readonly label: string;
  /** What it is, when and how long, for those who hear it. */
  readonly spoken: string;
  /** It explains and is no trouble in itself. */
  readonly context: boolean;
}

/** A moment that explains what follows. */
export interface TimeMark {
  readonly at_ms: number;
  readonly label: string;
}

/** What is laid over the lanes. */
export interface Over {
  readonly spans: readonly LaneSpan[];
  readonly marks: readonly TimeMark[];
  /** Name of the marks' list. */
  readonly marksName: string;
  /** The judged seconds, shaded. */
  readonly window: TimeWindow | null;
  /** Id of the span that is open. */
  readonly open: string | null;
  /** Opens a span, or closes the open one. */
  readonly choose: (id: string | null) => void;
  /** Name of a lane's spans. */
  readonly spansName: (lane: string) => string;
  /** What open spans rest on. */
  readonly evidence: (ids: readonly string[]) => ComponentChildren;
}

/** Height of a row of spans, CSS pixels: a target's. */
const ROW_PX = 24;
/** Room under each row, CSS pixels. */
const ROW_GAP_PX = 2;

interface SpanRowProps {
  /** Id of the lane. */
  lane: string;
  /** Its name. */
  title: string;
  over: Over;
  sight: Sight;
}

/** The troubles of a lane. Escape closes what is open. */
export function SpanRow({ lane, title, over, sight }: SpanRowProps) {
  const id = useId();
  const laid = lay(
    over.spans.filter((span) => span.lane === lane),
    sight,
  );
  if (laid.length === 0) return null;
  const rows = 1 + Math.max(...laid.map(({ row }) => row));
  const open = laid.find(({ spans }) => spans.some((span) => span.id === over.open));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a way out by keyboard beside the button
    <div
      class="spans"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || over.open === null) return;
        event.stopPropagation();
        over.choose(null);
      }}
    >
      <ul
        class="spans__row"
        aria-label={over.spansName(title)}
        style={{ blockSize: `${rows * (ROW_PX + ROW_GAP_PX)}px` }}
      >
        {laid.map(({ spans, row, left, width }) => {
          const [first] = spans;
          if (first === undefined) return null;
          const shown = open?.spans[0] === first;
          const label = spans.length > 1 ? `${first.label} ×${spans.length}` : first.label;
          return (
            <li key={first.id} style={{ insetInlineStart: `${left}px`, top: `${row * (ROW_PX + ROW_GAP_PX)}px` }}>
              <button
                type="button"
                class={classes('spans__one', first.context && 'spans__one--context')}
                style={{ inlineSize: `${width}px` }}
                aria-label={spans.map(({ spoken }) => spoken).join('; ')}
                title={spans.map(({ spoken }) => spoken).join('\n')}
                aria-expanded={shown}
                aria-controls={shown ? id : undefined}
                onClick={() => over.choose(shown ? null : first.id)}
              >
                {label}
              </button>
            </li>
          );
        })}
      </ul>
      {open !== undefined && (
        <div id={id} class="spans__evidence">
          {over.evidence(open.spans.map((span) => span.id))}
        </div>
      )}
    </div>
  );
}

/** Width of a character of a mark's name, CSS pixels: what keeps names from covering each other. */
const CHAR_PX = 8;

/** The names of the marks, above the lanes; where there is no room for all, those that come first stay. */
export function MarkRow({ over, sight }: { over: Over; sight: Sight }) {
  const length = sight.to_s - sight.from_s;
  const seen = over.marks.filter(({ at_ms }) => at_ms / 1000 >= sight.from_s && at_ms / 1000 <= sight.to_s);
  if (seen.length === 0 || length <= 0) return null;
  let end = 0;
  return (
    <ol class="marks" aria-label={over.marksName}>
      {seen.map((mark) => {
        const width = (Array.from(mark.label).length + 2) * CHAR_PX;
        const at = ((mark.at_ms / 1000 - sight.from_s) / length) * sight.width;
        const left = Math.max(0, Math.min(at, sight.width - width));
        const fits = left >= end;
        if (fits) end = left + width;
        return (
          <li
            key={`${mark.at_ms} ${mark.label}`}
            class={classes('marks__one', !fits && 'sl-visually-hidden')}
            style={fits ? { insetInlineStart: `${left}px` } : undefined}
          >
            {mark.label}
          </li>
        );
      })}
    </ol>
  );
}
