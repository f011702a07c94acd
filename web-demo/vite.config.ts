// Build of the pages: one HTML file each, everything they load under assets/ with a hash in its name.
// The widget is built by vite.widget.config.ts; scripts/build.mjs runs both.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const root = import.meta.dirname;
/** Where `npm run dev` finds the server. */
const DEV_SERVER = process.env.SIGHTLINE_URL ?? 'http://127.0.0.1:8080';

/** Pages to build. One whose entry script is missing is left out, so that a part can be built without the others. */
function pages(): string[] {
  return ['landing', 'demo', 'agent', 'ops', 'link'].filter((name) => {
    const entry = /type="module"[^>]*src="\/([^"]+)"/.exec(readFileSync(resolve(root, `${name}.html`), 'utf8'))?.[1];
    return entry !== undefined && existsSync(resolve(root, entry));
  });
}

export default defineConfig({
  root,
  base: '/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // A data: address would need `img-src data:` in the pages' policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: Object.fromEntries(pages().map((name) => [name, resolve(root, `${name}.html`)])),
    },
  },
  server: {
    proxy: {
      '/api': DEV_SERVER,
      '/live': DEV_SERVER,
      '/ws': { target: DEV_SERVER, ws: true },
    },
  },
});
