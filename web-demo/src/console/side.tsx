// Owns the right pane: who asks, from where, with which ticket, and how their player has been doing.

import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { readPlayer } from '../client/api.ts';
import { formatDateTime, formatElapsed, localeOf } from '../i18n/i18n.ts';
import type { ConversationSummary, Series } from '../protocol/generated.ts';
import { Badge, IconButton, Spinner, useNow, useSelected } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { DiagnosisPanel } from './diagnosis/panel.tsx';
import { useDiagnosis } from './diagnosis/use-diagnosis.ts';
import { ABSENT, languageName, percent, plain, resolution } from './format.ts';
import { useLoaded } from './load.ts';
import { ticketHref } from './route.ts';
import { Spark } from './spark.tsx';
import { numberAt, ordered, type PlayerKey, playerColumns, type Values } from './telemetry/rates.ts';

/** How often the samples are read for the player's health, ms: its blocks arrive every 5 s. */
const REFRESH_MS = 5_000;
/** Who only passes by on the way to another conversation asks for nothing, ms. */
const SETTLE_MS = 300;
/** What the small lines show, ms. */
const RECENT_MS = 180_000;

interface SideProps {
  desk: Desk;
  row: ConversationSummary;
  /** Whether it lies over the conversation, where there is no room beside it. */
  overlay: boolean;
  close: () => void;
}

/** The pane. */
export function Side({ desk, row, overlay, close }: SideProps) {
  const { t } = useTexts();
  return (
    <aside
      class="side"
      aria-label={t.viewer.label}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && overlay) close();
      }}
    >
      <IconButton icon="close" class="side__close" label={t.thread.closeDetails} onClick={close} />
      <Diagnosis desk={desk} row={row} />
      <CallFacts desk={desk} row={row} />
      <Facts desk={desk} row={row} />
      <Health row={row} />
    </aside>
  );
}

/** Why the picture stutters, first of all. */
function Diagnosis({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const view = useDiagnosis(row.ticket, row.verdict?.at_ms ?? 0);
  return <DiagnosisPanel desk={desk} ticket={row.ticket} row={row} view={view} />;
}

/** The call or invitation of this conversation, while there is one. */
function CallFacts({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const call = useSelected(desk.session.state, ({ calls }) => calls.get(row.id));
  useNow(1000);
  if (call === undefined || call.stage === 'ended') return null;
  const names = t.call.facts;
  const viewer = call.viewer.sources.audio !== 'off';
  const agent = call.agent_side.sources.audio !== 'off';
  const sound = viewer ? (agent ? names.soundBoth : names.soundViewer) : agent ? names.soundAgent : names.soundNone;
  return (
    <section>
      <h2 class="side__title">{t.call.region}</h2>
      <dl class="facts">
        <Fact name={names.state}>
          <Badge tone={call.stage === 'invited' ? 'info' : 'live'}>{t.call.stage[call.stage]}</Badge>
        </Fact>
        {call.surface !== undefined && <Fact name={names.shared}>{t.call.surface[call.surface]}</Fact>}
        {call.accepted_at_ms !== undefined && (
          <Fact name={names.duration}>{formatElapsed(desk.nowMs() - call.accepted_at_ms)}</Fact>
        )}
        {call.stage !== 'invited' && <Fact name={names.sound}>{sound}</Fact>}
        <Fact name={t.viewer.agent}>{call.agent_name}</Fact>
      </dl>
    </section>
  );
}

function Facts({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { lang, t } = useTexts();
  useNow(1000);
  const { page } = row;
  return (
    <section>
      <h2 class="side__title">{t.viewer.viewer}</h2>
      <dl class="facts">
        <Fact name={t.viewer.name}>{row.viewer_name}</Fact>
        <Fact name={t.viewer.status}>
          <span class="presence" data-on={row.viewer_online || undefined}>
            {row.viewer_online ? t.nav.online : t.nav.away}
          </span>
        </Fact>
        <Fact name={t.viewer.language}>{languageName(row.lang, localeOf(lang))}</Fact>
        <Fact name={t.viewer.page}>
          {page === undefined ? ABSENT : <span title={page.url}>{page.title || page.url}</span>}
        </Fact>
        <Fact name={t.viewer.client}>{page?.client || ABSENT}</Fact>
        <Fact name={t.viewer.opened}>{formatDateTime(lang, row.opened_at_ms)}</Fact>
        {row.waiting_since_ms !== undefined && row.status !== 'resolved' && (
          <Fact name={t.viewer.waiting}>{formatElapsed(desk.nowMs() - row.waiting_since_ms)}</Fact>
        )}
        {row.agent_name !== undefined && <Fact name={t.viewer.agent}>{row.agent_name}</Fact>}
        <Fact name={t.viewer.ticket}>
          <a href={ticketHref(row.ticket)}>#{row.ticket}</a>
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="facts__one">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The player's last minutes, read from the ticket while the pane is open. */
function Health({ row }: { row: ConversationSummary }) {
  const { t } = useTexts();
  const { loaded } = useLoaded(
    `health ${row.ticket}`,
    (signal) => readPlayer(row.ticket, { signal }),
    REFRESH_MS,
    SETTLE_MS,
  );
  return (
    <section>
      <h2 class="side__title">{t.viewer.player}</h2>
      {loaded.state === 'loading' && <Spinner />}
      {loaded.state === 'failed' && <p class="muted">{t.viewer.playerFailed}</p>}
      {loaded.state === 'ready' && <Sparks series={loaded.value} />}
    </section>
  );
}

function Sparks({ series }: { series: Series }) {
  const { t } = useTexts();
  const recent = useMemo(() => {
    const all = ordered(series.samples);
    const end = all.at(-1)?.t ?? 0;
    return all.filter((sample) => sample.t >= end - RECENT_MS);
  }, [series.samples]);
  const { values } = useMemo(() => playerColumns(recent), [recent]);
  const now = recent.at(-1);
  if (now === undefined) return <p class="muted">{t.viewer.playerNone}</p>;
  const line = (key: PlayerKey) => values[key];
  return (
    <>
      <dl class="sparks">
        <SparkFact
          name={t.viewer.buffer}
          now={`${plain(numberAt(now, 'bufferedAheadS'))} s`}
          values={line('buffer_s')}
          floor={4}
          color={1}
        />
        <SparkFact
          name={t.viewer.stalls}
          now={percent(mean(line('stalled_percent')))}
          values={line('stalled_percent')}
          floor={20}
          color={2}
        />
        <SparkFact
          name={t.viewer.dropped}
          now={percent(mean(line('dropped_percent')))}
          values={line('dropped_percent')}
          floor={20}
          color={4}
        />
      </dl>
      <p class="side__foot muted">
        {resolution(numberAt(now, 'videoWidth'), numberAt(now, 'videoHeight'))} · {t.viewer.lastMinutes}
      </p>
    </>
  );
}

function mean(values: Values): number | null {
  const known = values.filter((value): value is number => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

interface SparkFactProps {
  name: string;
  now: string;
  values: Values;
  floor: number;
  color: 1 | 2 | 4;
}

function SparkFact({ name, now, values, floor, color }: SparkFactProps) {
  return (
    <div class="sparks__one">
      <dt>{name}</dt>
      <dd>{now}</dd>
      <Spark values={values} floor={floor} color={color} />
    </div>
  );
}
