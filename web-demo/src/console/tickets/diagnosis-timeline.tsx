// Owns the figure "Diagnosis timeline": everything that was measured of a ticket on one axis of time, with troubles, marks and
// the seconds that were judged laid over it.

import { useMemo, useState } from 'preact/hooks';
import type { Diagnosis, Issue } from '../../client/diagnosis.ts';
import { formatDuration, type Lang } from '../../i18n/i18n.ts';
import type { TelemetryExport } from '../../protocol/generated.ts';
import { IconButton } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { issueLimit, issueValue } from '../diagnosis/facts.ts';
import { diagnosisNames, nameIn } from '../diagnosis/names.ts';
import { type DiagnosisTexts, diagnosisTexts } from '../diagnosis/texts.ts';
import { formatSeconds, milliseconds, percent, plain } from '../format.ts';
import { type LaneKey, laneColumns, laneSamples } from '../telemetry/lanes.ts';
import { textAt } from '../telemetry/rates.ts';
import { type Lane, Lanes } from './lanes.tsx';
import type { LaneSpan, Over, TimeMark } from './over.tsx';

/** Marks drawn at most: the newest. More cannot be told apart, and each is a line in every lane. */
const MARKS_MAX = 60;

/** Which lane of the figure shows the troubles of which lane of the trace. */
const SHOWN_ON: Readonly<Record<string, string>> = {
  player: 'player',
  segments: 'segments',
  device: 'device',
  viewer_up: 'up',
  viewer_down: 'up',
  server: 'server',
  agent_down: 'down',
  agent_up: 'down',
  agent_device: 'down',
  picture: 'picture',
  surface: 'picture',
};

function lanes(t: DiagnosisTexts['charts']): Lane<LaneKey>[] {
  const seconds = (value: number | null) => (value === null ? plain(null) : `${plain(value)} s`);
  const line = (key: LaneKey, label: string, color: 1 | 2 | 3 | 4 | 5 | 6, dash?: readonly number[]) => ({
    key,
    label,
    color,
    ...(dash === undefined ? {} : { dash }),
  });
  const share = { write: percent, floor: 10 };
  return [
    {
      id: 'player',
      title: t.playerLane,
      ...share,
      lines: [line('stalled', t.stalled, 2), line('dropped', t.dropped, 4, [6, 3])],
    },
    { id: 'buffer', title: t.bufferLane, write: seconds, floor: 2, lines: [line('buffer', t.buffer, 1)] },
    {
      id: 'segments',
      title: t.segmentsLane,
      write: milliseconds,
      floor: 200,
      lines: [line('whole', t.whole, 3), line('first_byte', t.firstByte, 5)],
    },
    { id: 'device', title: t.deviceLane, ...share, lines: [line('blocked', t.blocked, 4)] },
    { id: 'up', title: t.upLane, write: percent, floor: 2, lines: [line('loss_viewer_up', t.loss, 2)] },
    {
      id: 'server',
      title: t.serverLane,
      write: percent,
      floor: 2,
      lines: [line('loss_server_in', t.lossIn, 4, [6, 3]), line('loss_server_out', t.lossOut, 3)],
    },
    { id: 'down', title: t.downLane, write: percent, floor: 2, lines: [line('loss_agent_down', t.loss, 1)] },
    {
      id: 'picture',
      title: t.pictureLane,
      ...share,
      lines: [line('frozen', t.frozen, 3), line('black', t.black, 6, [2, 3]), line('damaged', t.damaged, 2, [6, 3])],
    },
    {
      id: 'rtt',
      title: t.rttLane,
      write: milliseconds,
      floor: 50,
      lines: [
        line('rtt_socket', t.socket, 5),
        line('rtt_viewer_up', t.viewerCall, 2, [6, 3]),
        line('rtt_agent_down', t.agentCall, 1, [2, 3]),
      ],
    },
  ];
}

/** The figure. */
export function DiagnosisTimeline({ file, diagnosis }: { file: TelemetryExport; diagnosis: Diagnosis | null }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const [open, choose] = useState<string | null>(null);
  const columns = useMemo(() => laneColumns(file), [file]);
  const drawn = useMemo(() => lanes(t.charts), [t]);
  const issues = diagnosis?.issues;
  const spans = useMemo(() => (issues ?? []).map((issue) => spanOf(issue, lang)), [issues, lang]);
  const marks = useMemo(() => marksOf(file, lang), [file, lang]);
  if (columns.seconds.length === 0) return <p class="muted">{t.timelineEmpty}</p>;
  const over: Over = {
    spans,
    marks,
    marksName: t.marks,
    window: diagnosis?.verdict.window ?? null,
    open,
    choose,
    spansName: t.spans,
    evidence: (ids) => (
      <IssueCard issues={(issues ?? []).filter((issue) => ids.includes(idOf(issue)))} close={() => choose(null)} />
    ),
  };
  return (
    <>
      <Lanes label={t.timeline} columns={columns} lanes={drawn} over={over} hint={t.timelineHint} />
      <PrintedIssues issues={issues ?? []} />
    </>
  );
}

function idOf(issue: Issue): string {
  return `${issue.kind} ${issue.lane} ${issue.from_ms}`;
}

function spanOf(issue: Issue, lang: Lang): LaneSpan {
  const t = diagnosisTexts(lang);
  const label = nameIn(diagnosisNames(lang).issue, issue.kind);
  const length = issue.state === 'open' ? t.spanOpen : formatDuration(lang, issue.duration_ms);
  return {
    id: idOf(issue),
    kind: `${issue.kind} ${issue.lane}`,
    lane: SHOWN_ON[issue.lane] ?? 'player',
    label,
    spoken: t.span(label, formatSeconds(lang, issue.from_ms), length),
    from_s: issue.from_ms / 1000,
    to_s: issue.to_ms / 1000,
    context: issue.context,
  };
}

/** Marks of the trace, checks of the line, and our own fetches that found something. */
function marksOf(file: TelemetryExport, lang: Lang): TimeMark[] {
  const names = diagnosisNames(lang).mark;
  const told = laneSamples(file, 'marks').map((mark) => ({
    at_ms: mark.t,
    label: nameIn(names, textAt(mark, 'kind') ?? ''),
  }));
  const shares = file.calls.flatMap(({ accepted_at_ms, ended_at_ms, surface }) => {
    if (accepted_at_ms === undefined || surface === 'audio') return [];
    const ended = ended_at_ms === undefined ? [] : [{ at_ms: ended_at_ms, label: names.share_ended }];
    return [{ at_ms: accepted_at_ms, label: names.share_started }, ...ended];
  });
  const checks = laneSamples(file, 'preflights').map((one) => ({ at_ms: one.t, label: names.preflight }));
  const marks = [...told, ...shares, ...checks].filter(({ label }) => label !== '');
  return marks.sort((a, b) => a.at_ms - b.at_ms).slice(-MARKS_MAX);
}

/** What troubles rest on: each with its worst and mean, its limit and where that comes from. */
function IssueCard({ issues, close }: { issues: readonly Issue[]; close: () => void }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  return (
    <>
      <IconButton icon="close" class="spans__close" label={t.close} onClick={close} />
      <IssueTable issues={issues} />
    </>
  );
}

/** All troubles as a table, for paper, where nothing can be opened. */
function PrintedIssues({ issues }: { issues: readonly Issue[] }) {
  if (issues.length === 0) return null;
  return (
    <div class="print-only">
      <IssueTable issues={issues} withLane />
    </div>
  );
}

function IssueTable({ issues, withLane = false }: { issues: readonly Issue[]; withLane?: boolean }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const names = diagnosisNames(lang);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
    <section class="table-scroll" aria-label={t.troubles} tabIndex={0}>
      <table class="table table--dense">
        <thead>
          <tr>
            <th scope="col">{t.trouble}</th>
            {withLane && <th scope="col">{t.lane}</th>}
            <th scope="col">{t.from}</th>
            <th scope="col">{t.length}</th>
            <th scope="col" class="table__number">
              {t.worst}
            </th>
            <th scope="col" class="table__number">
              {t.mean}
            </th>
            <th scope="col">{t.threshold}</th>
            <th scope="col" class="table__number">
              {t.seconds}
            </th>
          </tr>
        </thead>
        <tbody>
          {issues.map((issue) => (
            <tr key={idOf(issue)}>
              <th scope="row">
                {nameIn(names.issue, issue.kind)}
                {issue.context && <small class="muted"> · {t.spanContext}</small>}
                {issue.own_share && <small class="muted"> · {t.mayBeShare}</small>}
              </th>
              {withLane && <td>{nameIn(names.lane, issue.lane)}</td>}
              <td class="issues__time">{formatSeconds(lang, issue.from_ms)}</td>
              <td class="issues__time">
                {formatDuration(lang, issue.duration_ms)}
                {issue.state === 'open' && ` · ${t.spanOpen}`}
              </td>
              <td class="table__number">{issueValue(issue, issue.evidence.worst, lang) ?? t.yes}</td>
              <td class="table__number">{issueValue(issue, issue.evidence.mean, lang) ?? ''}</td>
              <td class="issues__time">{issueLimit(issue, lang)}</td>
              <td class="table__number">{issue.evidence.seconds}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
