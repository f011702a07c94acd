// The first page of a server. On a demo server it tells the story in a few lines and opens viewer and agent side by side;
// on any other it says what this server is.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { isDemo, signInToDemo } from '../client/api.ts';
import type { Lang } from '../i18n/i18n.ts';
import { openPage } from '../ui/page.ts';
import { Button, Icon, Notice, Spinner } from '../ui/ui.tsx';
import './landing.css';
import { Stage } from './stage.tsx';
import { texts } from './texts.ts';

/** Which server this is: `asking` until it told. */
type Kind = 'asking' | 'demo' | 'plain' | 'unreachable';

async function askKind(): Promise<Kind> {
  try {
    return (await isDemo()) ? 'demo' : 'plain';
  } catch {
    return 'unreachable';
  }
}

function Landing({ lang }: { lang: Lang }) {
  const t = texts(lang);
  const [kind, setKind] = useState<Kind>('asking');
  const ask = () => {
    setKind('asking');
    void askKind().then(setKind);
  };
  useEffect(() => {
    void askKind().then(setKind);
  }, []);

  if (kind === 'demo') return <DemoLanding lang={lang} />;
  if (kind === 'plain') return <PlainLanding lang={lang} />;
  return (
    <main class="landing landing--centred">
      {kind === 'asking' ? (
        <p class="landing__asking">
          <Spinner /> {t.checking}
        </p>
      ) : (
        <Notice tone="warn" action={<Button onClick={ask}>{t.again}</Button>}>
          {t.unreachable}
        </Notice>
      )}
    </main>
  );
}

function DemoLanding({ lang }: { lang: Lang }) {
  const t = texts(lang);
  const [phase, setPhase] = useState<'story' | 'starting' | 'running'>('story');
  const [signedIn, setSignedIn] = useState(true);

  const start = async () => {
    setPhase('starting');
    const session = await signInToDemo().catch(() => null);
    setSignedIn(session !== null);
    setPhase('running');
  };

  if (phase === 'running') return <Stage lang={lang} signedIn={signedIn} />;
  return (
    <main class="landing">
      <Brand />
      <h1>
        <span>{t.headline1}</span> <span>{t.headline2}</span>
      </h1>
      <p>{t.story1}</p>
      <p>{t.story2}</p>
      <div class="landing__start">
        <Button tone="primary" icon="player" busy={phase === 'starting'} onClick={() => void start()}>
          {t.start}
        </Button>
        <p class="landing__note">{t.startNote}</p>
      </div>
      <nav class="landing__links" aria-label={t.apart}>
        <span class="landing__apart">{t.apart}</span>
        <Apart href={`/demo${location.search}`} label={t.viewerPage} />
        <Apart href={agentAddress()} label={t.agentPage} />
        <Apart href={`/ops${location.search}`} label={t.ops} />
        <Apart href="/api/openapi.json" label={t.api} />
      </nav>
    </main>
  );
}

function PlainLanding({ lang }: { lang: Lang }) {
  const t = texts(lang);
  useEffect(() => {
    document.title = t.titlePlain;
  }, [t]);
  return (
    <main class="landing">
      <Brand />
      <h1>{t.plainHeadline}</h1>
      <p>{t.plainStory}</p>
      <p>{t.plainHost}</p>
      <nav class="landing__links">
        <a class="sl-button sl-button--primary" href={`/agent${location.search}`}>
          <Icon name="users" size={18} /> {t.plainAgents}
        </a>
      </nav>
    </main>
  );
}

function Brand() {
  return (
    <p class="landing__brand">
      <Icon name="eye" size={22} /> Sightline
    </p>
  );
}

function Apart({ href, label }: { href: string; label: string }) {
  return (
    <a href={href} target="_blank" rel="noopener">
      {label}
    </a>
  );
}

function agentAddress(): string {
  const query = new URLSearchParams(location.search);
  query.set('demo', '1');
  return `/agent?${query}`;
}

const { root, lang } = openPage({ en: texts('en').title, zh: texts('zh').title });
render(<Landing lang={lang} />, root);
