// The demo's live-streaming page: what a platform's own page would be. All it knows of the support widget is its script tag,
// which it adds after its own `load`.

import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatNumber, type Lang } from '../i18n/i18n.ts';
import { openPage } from '../ui/page.ts';
import { Button, Icon, Notice, Spinner } from '../ui/ui.tsx';
import './demo.css';
import { Faults } from './faults.tsx';
import { openPlayer, type Player, type PlayerState } from './player.ts';
import { texts } from './texts.ts';

/** Boats of the clip with the colours of their sails. */
const BOATS = [
  { name: 'Aurora', colour: '#ff7a59' },
  { name: 'Kestrel', colour: '#ffd166' },
  { name: 'Nereid', colour: '#4cc9f0' },
  { name: 'Vesper', colour: '#c77dff' },
];
/** How long the trouble button cuts the stream: the buffer holds about 6 s, the rest is the stall. */
const CUT_S = 12;

function DemoPage({ lang }: { lang: Lang }) {
  const t = texts(lang);
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<Player | null>(null);
  const [state, setState] = useState<PlayerState>('starting');

  useEffect(() => {
    if (!video.current) return;
    const opened = openPlayer(video.current, setState);
    player.current = opened;
    return () => opened.close();
  }, []);

  return (
    <div class="demo">
      <header class="demo__bar">
        <span class="demo__site">
          <Icon name="player" size={22} /> {t.site}
        </span>
      </header>
      <main class="demo__main">
        <div class="demo__stage">
          <video id="player" ref={video} controls muted autoplay playsInline aria-label={t.playerLabel} />
          <StateCard lang={lang} state={state} onAgain={() => player.current?.restart()} />
        </div>
        <Title lang={lang} video={video} latencyS={() => player.current?.latencyS() ?? null} />
        <Faults lang={lang} />
      </main>
      <aside class="demo__side">
        <section class="sl-card">
          <h2>{t.aboutTitle}</h2>
          <p>{t.about}</p>
          <ul class="demo__boats" aria-label={t.boats}>
            {BOATS.map((boat) => (
              <li key={boat.name}>
                <svg viewBox="0 0 12 14" width="12" height="14" aria-hidden="true">
                  <path d="M5 0v11H0Zm1 1 6 10H6Z" fill={boat.colour} />
                </svg>
                {boat.name}
              </li>
            ))}
          </ul>
        </section>
        <Programme lang={lang} />
        <Trouble lang={lang} onCut={() => player.current?.cut(CUT_S * 1000) ?? false} />
        <p class="demo__fiction">{t.fiction}</p>
      </aside>
    </div>
  );
}

function StateCard({ lang, state, onAgain }: { lang: Lang; state: PlayerState; onAgain: () => void }) {
  const t = texts(lang);
  if (state === 'playing') return null;
  if (state === 'starting') {
    return (
      <p class="demo__starting" role="status">
        <Spinner /> {t.starting}
      </p>
    );
  }
  const words = { reconnecting: t.reconnecting, failed: t.failed, unsupported: t.unsupported }[state];
  return (
    <div class="demo__notice" role="status">
      <Notice
        tone="warn"
        action={
          state === 'failed' && (
            <Button small onClick={onAgain}>
              {t.again}
            </Button>
          )
        }
      >
        {words}
      </Notice>
    </div>
  );
}

function Title({
  lang,
  video,
  latencyS,
}: {
  lang: Lang;
  video: { current: HTMLVideoElement | null };
  latencyS: () => number | null;
}) {
  const t = texts(lang);
  const [muted, setMuted] = useState(true);
  const [facts, setFacts] = useState('');
  useEffect(() => {
    const update = () => {
      const latency = latencyS();
      const height = video.current?.videoHeight;
      const parts = [height && `${height}p`, latency && t.behind(formatNumber(lang, latency, 0))];
      setFacts(parts.filter(Boolean).join(' · '));
      setMuted(video.current?.muted ?? true);
    };
    const timer = setInterval(update, 1000);
    return () => clearInterval(timer);
  }, [lang, t, video, latencyS]);

  const soundOn = () => {
    if (video.current) video.current.muted = false;
    setMuted(false);
  };
  return (
    <div class="demo__title">
      <div>
        <h1>
          <span class="demo__live">{t.live}</span> {t.event}
        </h1>
        <p>
          {t.stage}
          {facts && ` · ${facts}`}
        </p>
      </div>
      {muted && (
        <Button small onClick={soundOn}>
          {t.soundOn}
        </Button>
      )}
    </div>
  );
}

function Programme({ lang }: { lang: Lang }) {
  const t = texts(lang);
  return (
    <section class="sl-card">
      <h2>{t.programmeTitle}</h2>
      <ol class="demo__programme">
        {[t.programme1, t.programme2, t.programme3].map((item, index) => (
          <li key={item} aria-current={index === 0 ? 'true' : undefined}>
            <span>{item}</span>
            <small>{index === 0 ? t.now : t.later}</small>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Trouble({ lang, onCut }: { lang: Lang; onCut: () => boolean }) {
  const t = texts(lang);
  const [cutting, setCutting] = useState(false);
  useEffect(() => {
    if (!cutting) return;
    const timer = setTimeout(() => setCutting(false), CUT_S * 1000);
    return () => clearTimeout(timer);
  }, [cutting]);
  return (
    <section class="sl-card demo__trouble">
      <h2>{t.troubleTitle}</h2>
      <p>{t.trouble}</p>
      <Button small busy={cutting} onClick={() => setCutting(onCut())}>
        {cutting ? t.cutting : t.cut(CUT_S)}
      </Button>
    </section>
  );
}

const { root, lang } = openPage({ en: texts('en').title, zh: texts('zh').title });
render(<DemoPage lang={lang} />, root);

/** A browser counts every script tag into the page's `load`; one that comes after it cannot hold the page back. */
function addSupport(): void {
  const script = document.createElement('script');
  script.src = '/widget.js';
  script.dataset.proactive = 'on';
  const warm = new URLSearchParams(location.search).get('warm');
  if (warm !== null) script.dataset.warm = warm;
  document.head.append(script);
}
if (document.readyState === 'complete') addSupport();
else addEventListener('load', addSupport, { once: true });
