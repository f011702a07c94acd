// Entry of the agents' console.

import { render } from 'preact';
import { openPage } from '../ui/page.ts';
import { startTheme } from '../ui/theme.ts';
import { App } from './app.tsx';
import { LangContext } from './context.ts';
import { texts } from './texts.ts';
import './page.css';
import './nav.css';
import './panels.css';
import './console.css';
import './stage.css';
import './thread.css';
import './tickets.css';
import './diagnosis.css';
import './incidents.css';
import './print.css';
import './controls.css';
import './settings.css';

startTheme();
const { root, lang } = openPage({ en: texts('en').pageTitle, zh: texts('zh').pageTitle });
render(
  <LangContext.Provider value={lang}>
    <App lang={lang} />
  </LangContext.Provider>,
  root,
);
