// Entry of the operations page.

import { render } from 'preact';
import { openPage } from '../ui/page.ts';
import { startTheme } from '../ui/theme.ts';
import '../console/page.css';
import './ops.css';
import { OpsPage } from './page.tsx';
import { opsTexts } from './texts.ts';

startTheme();
const { root, lang } = openPage({ en: opsTexts('en').pageTitle, zh: opsTexts('zh').pageTitle });
render(<OpsPage lang={lang} />, root);
