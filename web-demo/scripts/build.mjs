// `npm run build`: the pages, then the widget's chat with its parts, then the loader, which carries the chat's file name.
// All into dist/, with compressed copies. The widget is built apart from the pages, so that it shares no file with them.
// `--widget` builds it alone; `--out DIR` builds into another folder.

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { compressAll } from './compress.mjs';

const root = resolve(import.meta.dirname, '..');
const target = 'es2022';
const { values } = parseArgs({ options: { widget: { type: 'boolean' }, out: { type: 'string', default: 'dist' } } });
const outDir = resolve(root, values.out);

if (!values.widget) await build({ root, configFile: resolve(root, 'vite.config.ts'), build: { outDir } });

const chat = await build({
  root,
  configFile: false,
  // Its parts find each other beside themselves, on whatever origin.
  base: './',
  publicDir: false,
  build: {
    outDir,
    emptyOutDir: false,
    target,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { chat: resolve(root, 'src/widget/chat/main.tsx') },
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: 'assets/[name]-[hash].js', chunkFileNames: 'assets/widget-[name]-[hash].js' },
    },
  },
});
const entry = outputs(chat).find((file) => file.type === 'chunk' && file.isEntry);
if (!entry) throw new Error('the chat has no entry file');

await build({
  root,
  configFile: false,
  publicDir: false,
  plugins: [asciiOnly()],
  define: { __CHAT_FILES__: JSON.stringify([entry.fileName, ...entry.imports]) },
  build: {
    outDir,
    emptyOutDir: false,
    target,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { widget: resolve(root, 'src/widget/loader/main.ts') },
      output: { format: 'iife', entryFileNames: 'widget.js' },
    },
  },
});

// What the widget consists of, for the size test: the loader, what opening the chat loads, what a call adds.
const chatFiles = outputs(chat).flatMap((file) => (file.type === 'chunk' ? [file] : []));
await writeFile(
  resolve(outDir, 'widget-files.json'),
  `${JSON.stringify({
    loader: ['widget.js'],
    chat: [entry.fileName, ...entry.imports],
    call: chatFiles
      .map((file) => file.fileName)
      .filter((name) => name !== entry.fileName && !entry.imports.includes(name)),
  })}\n`,
);
await compressAll(outDir);

/**
 * A classic script is read in its page's encoding unless the server names one, and caches on the way may drop the name:
 * the loader has no character that this could spoil. All of them are in strings.
 * @returns {import('vite').Plugin}
 */
function asciiOnly() {
  return {
    name: 'ascii-only',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue;
        file.code = file.code.replace(
          /[^\0-\x7f]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
      }
    },
  };
}

/** @param {Awaited<ReturnType<typeof build>>} result */
function outputs(result) {
  const list = Array.isArray(result) ? result : [result];
  return list.flatMap((one) => ('output' in one ? one.output : []));
}
