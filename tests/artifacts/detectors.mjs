// The detectors of the pages, built for node (to tune them) and for the bench's page.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cached, REPOSITORY } from './place.mjs';

const web = join(REPOSITORY, 'web-demo');
const fromWeb = createRequire(join(web, 'package.json'));

/** Builds a file of the pages' source with what it imports into one module; gives its path. */
export async function built(file, name) {
  const { rolldown } = await import(pathToFileURL(fromWeb.resolve('rolldown')));
  const bundle = await rolldown({ input: join(web, 'src', file), logLevel: 'silent' });
  const out = join(cached('built'), name);
  await bundle.write({ file: out, format: 'esm' });
  await bundle.close();
  return out;
}
