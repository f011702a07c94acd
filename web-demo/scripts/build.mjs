// `npm run build`: the pages, then the widget, into dist/.

import { build } from 'vite';

await build({ configFile: 'vite.config.ts' });
