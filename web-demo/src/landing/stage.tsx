// The demo running: hints on top, the viewer's page and the agent's console side by side, each a page of its own in a
// frame (stacked where there is no room for two).

import type { Lang } from '../i18n/i18n.ts';
import { Icon, Notice } from '../ui/ui.tsx';
import { texts } from './texts.ts';

/** What the framed pages may use: the viewer shares a screen, both play video, a link is copied. */
const ALLOW = 'display-capture; camera; microphone; autoplay; fullscreen; clipboard-write';

/** Both pages and the hints. `signedIn` is false when the agent has to sign in by hand. */
export function Stage({ lang, signedIn }: { lang: Lang; signedIn: boolean }) {
  const t = texts(lang);
  return (
    <main class="stage">
      <header class="stage__bar">
        <p class="landing__brand">
          <Icon name="eye" size={20} /> Sightline
        </p>
        <ol class="stage__hints" aria-label={t.hintsLabel}>
          {[t.hint1, t.hint2, t.hint3].map((hint, index) => (
            <li key={hint}>
              <span class="stage__number" aria-hidden="true">
                {index + 1}
              </span>
              {hint}
            </li>
          ))}
        </ol>
      </header>
      {!signedIn && <Notice tone="warn">{t.signInFailed}</Notice>}
      <div class="stage__panes">
        <Pane lang={lang} name={t.viewer} page={t.viewerPage} address={`/demo?lang=${lang}`} />
        <Pane lang={lang} name={t.agent} page={t.agentPage} address={`/agent?demo=1&lang=${lang}`} />
      </div>
    </main>
  );
}

function Pane({ lang, name, page, address }: { lang: Lang; name: string; page: string; address: string }) {
  const open = texts(lang).openOwn(page);
  return (
    <section class="stage__pane" aria-label={name}>
      <header class="stage__head">
        <h2>{name}</h2>
        <a href={address} target="_blank" rel="noopener" aria-label={open} title={open}>
          {page} ↗
        </a>
      </header>
      <iframe title={name} src={address} allow={ALLOW} />
    </section>
  );
}
