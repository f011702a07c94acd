// Owns the operations page: asks the server every 2 s, shows its state, and says how to get in when it may not be seen.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure, readOps } from '../client/api.ts';
import { bytes, formatSeconds, milliseconds, percent } from '../console/format.ts';
import { Spark } from '../console/spark.tsx';
import { endReasonTexts, errorTexts } from '../i18n/common.ts';
import { formatDateTime, formatDuration, formatElapsed, formatNumber, type Lang } from '../i18n/i18n.ts';
import type { Ops, OpsCall } from '../protocol/generated.ts';
import { Badge, Button, Empty, Icon, Notice, Spinner } from '../ui/ui.tsx';
import { Access } from './access.tsx';
import { type Reading, rate, rates, withReading } from './history.ts';
import { forgetKey, keepKey, keptKey } from './key.ts';
import { ConnectSteps } from './steps.tsx';
import { StripPlot } from './strip.tsx';
import { type OpsTexts, opsTexts } from './texts.ts';
import { AccuracyTable, IncidentList } from './verdicts.tsx';

/** Time between two readings, ms. */
const EVERY_MS = 2_000;

/** What the page knows. */
interface Watch {
  readonly readings: readonly Reading[];
  readonly failure: ApiFailure | null;
  /** When the last answer came, ms since the Unix epoch. */
  readonly answered_ms: number;
}

/** The page. */
export function OpsPage({ lang }: { lang: Lang }) {
  const t = opsTexts(lang);
  const [key, setKey] = useState(keptKey);
  const { watch, again } = useWatch(key);
  const open = useCallback((next: string) => {
    keepKey(next);
    setKey(next);
  }, []);
  const forget = useCallback(() => {
    forgetKey();
    setKey(undefined);
  }, []);
  const now = watch.readings.at(-1)?.ops;
  const locked = watch.failure !== null && (watch.failure.status === 401 || watch.failure.status === 403);
  return (
    <div class="ops">
      <Head t={t} lang={lang} watch={watch} ops={now} forget={key === undefined ? undefined : forget} />
      <main class="ops__body" tabIndex={-1}>
        {locked && <Access t={t} wrong={key !== undefined} open={open} />}
        {!locked && now === undefined && <Unknown t={t} lang={lang} failure={watch.failure} again={again} />}
        {!locked && now !== undefined && (
          <>
            {watch.failure !== null && (
              <div role="alert">
                <Notice tone="warn">{t.stale}</Notice>
              </div>
            )}
            <Tiles t={t} lang={lang} ops={now} readings={watch.readings} />
            <IncidentList lang={lang} bearer={key} />
            <Workers t={t} lang={lang} readings={watch.readings} ops={now} />
            <Calls t={t} lang={lang} calls={now.recent_calls} />
            <AccuracyTable lang={lang} bearer={key} />
          </>
        )}
      </main>
    </div>
  );
}

function useWatch(key: string | undefined): { watch: Watch; again: () => void } {
  const [watch, setWatch] = useState<Watch>({ readings: [], failure: null, answered_ms: 0 });
  const [round, setRound] = useState(0);
  const asked = useRef(key);
  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (asked.current !== key) {
      asked.current = key;
      setWatch({ readings: [], failure: null, answered_ms: 0 });
    }
    const ask = async () => {
      try {
        const ops = await readOps({ signal: end.signal, ...(key === undefined ? {} : { bearer: key }) });
        if (end.signal.aborted) return;
        const reading = { at_ms: performance.now(), ops };
        setWatch((before) => ({
          readings: withReading(before.readings, reading),
          failure: null,
          answered_ms: Date.now(),
        }));
      } catch (error) {
        if (end.signal.aborted) return;
        const failure = error instanceof ApiFailure ? error : new ApiFailure(0, undefined, String(error));
        setWatch((before) => ({ ...before, failure }));
        if (failure.status === 401 || failure.status === 403) return;
      }
      timer = setTimeout(ask, EVERY_MS);
    };
    void ask();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [key, round]);
  return { watch, again: useCallback(() => setRound((number) => number + 1), []) };
}

interface HeadProps {
  t: OpsTexts;
  lang: Lang;
  watch: Watch;
  ops: Ops | undefined;
  forget: (() => void) | undefined;
}

function Head({ t, lang, watch, ops, forget }: HeadProps) {
  return (
    <header class="ops__head">
      <h1 class="ops__title">{t.title}</h1>
      {ops !== undefined && (
        <p class="ops__node">
          <span>
            {t.node} <b>{ops.node}</b>
          </span>
          <span>
            {t.version} <b>{ops.version}</b>
          </span>
          <span>
            {t.database} <b>{ops.database}</b>
          </span>
          <span>
            {t.uptime} <b>{formatDuration(lang, ops.uptime_ms)}</b>
          </span>
        </p>
      )}
      <nav class="ops__links">
        {watch.answered_ms > 0 && <span class="muted">{t.updated(formatSeconds(lang, watch.answered_ms))}</span>}
        {forget !== undefined && (
          <Button small tone="quiet" onClick={forget}>
            {t.access.forget}
          </Button>
        )}
        <a href="/agent">{t.console}</a>
        <a href="/metrics">{t.metrics}</a>
        <a href="/api/openapi.json">{t.openapi}</a>
      </nav>
    </header>
  );
}

interface UnknownProps {
  t: OpsTexts;
  lang: Lang;
  failure: ApiFailure | null;
  again: () => void;
}

function Unknown({ t, lang, failure, again }: UnknownProps) {
  if (failure === null) {
    return (
      <p class="ops__loading" role="status">
        <Spinner /> {t.loading}
      </p>
    );
  }
  return (
    <div role="alert">
      <Empty icon="offline" title={t.failed}>
        {failure.code !== undefined && <p>{errorTexts(lang)[failure.code]}</p>}
        <Button icon="refresh" onClick={again}>
          {t.retry}
        </Button>
      </Empty>
    </div>
  );
}

interface TilesProps {
  t: OpsTexts;
  lang: Lang;
  ops: Ops;
  readings: readonly Reading[];
}

function Tiles({ t, lang, ops, readings }: TilesProps) {
  const number = (value: number) => formatNumber(lang, value);
  const past = (read: (ops: Ops) => number | null) => readings.map((reading) => read(reading.ops));
  const cpu = rate(readings, (one) => one.cpu_s);
  return (
    <section aria-label={t.tiles.label} class="tiles">
      <Tile name={t.tiles.viewers} value={number(ops.viewers_online)} past={past((one) => one.viewers_online)} />
      <Tile name={t.tiles.agents} value={number(ops.agents_online)} past={past((one) => one.agents_online)} />
      <Tile
        name={t.tiles.waiting}
        value={number(ops.waiting)}
        past={past((one) => one.waiting)}
        alarm={ops.waiting > 0 && ops.agents_online === 0}
      />
      <Tile
        name={t.tiles.longest}
        value={ops.longest_wait_ms === null ? '–' : formatElapsed(ops.longest_wait_ms)}
        note={ops.longest_wait_ms === null ? t.tiles.nobody : undefined}
        past={past((one) => one.longest_wait_ms)}
      />
      <Tile name={t.tiles.taken} value={number(ops.taken)} past={past((one) => one.taken)} />
      <Tile name={t.tiles.calls} value={number(ops.calls)} past={past((one) => one.calls)} />
      <Tile name={t.tiles.memory} value={bytes(ops.rss_bytes)} past={past((one) => one.rss_bytes)} />
      <Tile
        name={t.tiles.cpu}
        value={percent(cpu === null ? null : cpu * 100)}
        note={t.tiles.cores}
        past={rates(readings, (one) => one.cpu_s)}
        floor={0.05}
      />
    </section>
  );
}

interface TileProps {
  name: string;
  value: string;
  note?: string | undefined;
  past: readonly (number | null)[];
  floor?: number;
  alarm?: boolean;
}

function Tile({ name, value, note, past, floor, alarm }: TileProps) {
  return (
    <div class="tile" data-alarm={alarm || undefined}>
      <p class="tile__name">
        {name}
        {note !== undefined && <small> · {note}</small>}
      </p>
      <p class="tile__value">{value}</p>
      <Spark values={past} color={alarm ? 2 : 1} {...(floor === undefined ? {} : { floor })} />
    </div>
  );
}

function Workers({ t, lang, readings, ops }: TilesProps) {
  return (
    <section class="sl-card" aria-labelledby="workers">
      <h2 id="workers" class="ops__section">
        {t.workers.title}
      </h2>
      {ops.workers.length === 0 && <p class="muted">{t.workers.none}</p>}
      {ops.workers.length > 0 && (
        <div class="table-scroll">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{t.workers.worker}</th>
                <th scope="col" class="table__number">
                  {t.workers.port}
                </th>
                <th scope="col" class="table__number">
                  {t.workers.rooms}
                </th>
                <th scope="col" class="table__number">
                  {t.workers.peers}
                </th>
                <th scope="col" class="table__number">
                  {t.workers.in}
                </th>
                <th scope="col" class="table__number">
                  {t.workers.out}
                </th>
                <th scope="col" class="table__number">
                  {t.workers.restarts}
                </th>
              </tr>
            </thead>
            <tbody>
              {ops.workers.map((worker) => (
                <tr key={worker.index}>
                  <th scope="row">{worker.index}</th>
                  <td class="table__number">{worker.udp_port}</td>
                  <td class="table__number">{worker.rooms}</td>
                  <td class="table__number">{worker.peers}</td>
                  <td class="table__number">
                    <Packets t={t} lang={lang} readings={readings} index={worker.index} direction="packets_in" />
                  </td>
                  <td class="table__number">
                    <Packets t={t} lang={lang} readings={readings} index={worker.index} direction="packets_out" />
                  </td>
                  <td class="table__number">
                    {worker.restarts === 0 ? 0 : <Badge tone="danger">{worker.restarts}</Badge>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface PacketsProps {
  t: OpsTexts;
  lang: Lang;
  readings: readonly Reading[];
  index: number;
  direction: 'packets_in' | 'packets_out';
}

/** A worker's packets a second, with the count since the start behind it. */
function Packets({ t, lang, readings, index, direction }: PacketsProps) {
  const read = (ops: Ops) => ops.workers.find((worker) => worker.index === index)?.[direction];
  const perSecond = rate(readings, read);
  const total = readings.at(-1) === undefined ? undefined : read((readings.at(-1) as Reading).ops);
  return (
    <span title={total === undefined ? undefined : t.workers.since(formatNumber(lang, total))}>
      {perSecond === null ? '–' : `${formatNumber(lang, Math.round(perSecond))} ${t.workers.perSecond}`}
    </span>
  );
}

function Calls({ t, lang, calls }: { t: OpsTexts; lang: Lang; calls: readonly OpsCall[] }) {
  return (
    <section class="sl-card" aria-labelledby="calls">
      <h2 id="calls" class="ops__section">
        {t.calls.title}
      </h2>
      {calls.length === 0 && <Empty icon="screen" title={t.calls.none} />}
      {calls.length > 0 && (
        <div class="ops__calls">
          <div class="ops__plots">
            <StripPlot calls={calls} until="first" t={t} />
            <StripPlot calls={calls} until="legible" t={t} />
            <ConnectSteps calls={calls} t={t} lang={lang} />
          </div>
          <div class="table-scroll ops__callrows">
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">{t.calls.ticket}</th>
                  <th scope="col">{t.calls.at}</th>
                  <th scope="col">{t.calls.mode}</th>
                  <th scope="col" class="table__number">
                    {t.calls.first}
                  </th>
                  <th scope="col" class="table__number">
                    {t.calls.legible}
                  </th>
                  <th scope="col">{t.calls.end}</th>
                </tr>
              </thead>
              <tbody>
                {calls.map((call) => (
                  <CallRow key={call.call} t={t} lang={lang} call={call} />
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </section>
  );
}

function CallRow({ t, lang, call }: { t: OpsTexts; lang: Lang; call: OpsCall }) {
  const { mode, consent_to_first_frame_ms: first, consent_to_legible_ms: legible } = call.connect;
  return (
    <tr>
      <th scope="row">
        <a href={`/agent#/tickets/${call.ticket}`}>#{call.ticket}</a>
      </th>
      <td class="ops__time">{formatDateTime(lang, call.accepted_at_ms)}</td>
      <td>{mode === undefined ? '–' : <Badge tone={mode === 'warm' ? 'accent' : 'neutral'}>{t.calls[mode]}</Badge>}</td>
      <td class="table__number">
        {first === null ? <span class="muted">{t.calls.noFrame}</span> : milliseconds(first)}
      </td>
      <td class="table__number">{milliseconds(legible)}</td>
      <td>
        {call.end_reason === null ? (
          <Badge tone="live">
            <Icon name="screen" size={14} />
            {t.calls.running}
          </Badge>
        ) : (
          endReasonTexts(lang)[call.end_reason]
        )}
      </td>
    </tr>
  );
}
