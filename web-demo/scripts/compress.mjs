// Compressed copies beside the built files, so that the server compresses nothing while it serves: `.br` for browsers, `.gz`
// for everybody else. src/http/pages.rs of the server names them.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Text by its ending; pictures and fonts are compressed already. */
const TEXT = /\.(css|html|js|svg)$/;
/** Below this many bytes a file is sent in one packet anyway. */
const WORTH_BYTES = 1_000;

/**
 * Writes the copies of every text file below a folder.
 * @param {string} folder
 */
export async function compressAll(folder) {
  const files = (await readdir(folder, { recursive: true })).filter((name) => TEXT.test(name));
  await Promise.all(files.map((name) => compress(join(folder, name))));
}

/** @param {string} path */
async function compress(path) {
  const plain = await readFile(path);
  if (plain.length < WORTH_BYTES) return;
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(plain, { params: quality }));
  await writeFile(`${path}.gz`, await promisify(gzip)(plain, { level: constants.Z_BEST_COMPRESSION }));
}
