// Entry of the operations page.

import { render } from 'preact';
import { LangContext } from '../console/context.ts';
import { openPage } from '../ui/page.ts';
import { startTheme } from '../ui/theme.ts';
import '../console/page.css';
import './ops.css';
import { OpsPage } from './page.tsx';
import { opsTexts } from './texts.ts';

startTheme();
const { root, lang } = openPage({ en: opsTexts('en').pageTitle, zh: opsTexts('zh').pageTitle });
render(
  <LangContext.Provider value={lang}>
    <OpsPage lang={lang} />
  </LangContext.Provider>,
  root,
);
