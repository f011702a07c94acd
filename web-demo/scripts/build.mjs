// `npm run build`: the pages, then the widget's watch and chat with its parts, then the loader, which carries their names.
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
      input: {
        chat: resolve(root, 'src/widget/chat/main.tsx'),
        watch: resolve(root, 'src/widget/watch/main.ts'),
      },
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: 'assets/[name]-[hash].js', chunkFileNames: 'assets/widget-[name]-[hash].js' },
    },
  },
});
const chatEntry = entryOf('chat');
const watchEntry = entryOf('watch');

await build({
  root,
  configFile: false,
  publicDir: false,
  plugins: [asciiOnly()],
  define: {
    __CHAT_FILES__: JSON.stringify(chatEntry),
    __WATCH_FILES__: JSON.stringify(watchEntry),
  },
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

// What the widget consists of, for the size test: the loader, the watch, what opening the chat adds to it, what a call adds, and
// the detectors of damaged pictures, which come when the page has a player.
const isPictures = (/** @type {{ moduleIds: string[] }} */ file) =>
  file.moduleIds.some((id) => /\/client\/picture\/(?:watch|page-judge)\.ts$/.test(id));
const chatFiles = outputs(chat).flatMap((file) => (file.type === 'chunk' ? [file] : []));
await writeFile(
  resolve(outDir, 'widget-files.json'),
  `${JSON.stringify({
    loader: ['widget.js'],
    watch: watchEntry,
    chat: chatEntry.filter((name) => !watchEntry.includes(name)),
    pictures: chatFiles.filter(isPictures).map((file) => file.fileName),
    call: chatFiles
      .filter((file) => !isPictures(file))
      .map((file) => file.fileName)
      .filter((name) => !chatEntry.includes(name) && !watchEntry.includes(name)),
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

/**
 * An entry's file and those that it needs at once.
 * @param {string} name
 * @returns {string[]}
 */
function entryOf(name) {
  const entry = outputs(chat).find((file) => file.type === 'chunk' && file.isEntry && file.name === name);
  if (entry?.type !== 'chunk') throw new Error(`${name} has no entry file`);
  return [entry.fileName, ...entry.imports];
}

/** @param {Awaited<ReturnType<typeof build>>} result */
function outputs(result) {
  const list = Array.isArray(result) ? result : [result];
  return list.flatMap((one) => ('output' in one ? one.output : []));
}
