// The private link's page: the chat of the key in the address's fragment, full page. The fragment never reaches a server.
// Everything it shows is the widget's; this only gives it the page.

import { catalogue } from '../i18n/i18n.ts';
import { openPage } from '../ui/page.ts';

const texts = catalogue({ title: 'Support chat' }, { title: '在线客服' });

const { root, lang } = openPage({ en: texts('en').title, zh: texts('zh').title });
const chat = document.createElement('sightline-support');
chat.setAttribute('mode', 'page');
chat.setAttribute('lang', lang);
root.append(chat);
