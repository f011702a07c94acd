// The list of clips: which recipe is done to which source with which encoder, and in which part that counts.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { damagedShare } from './damage.mjs';
import { cached } from './place.mjs';
import { ENCODERS, RECIPES } from './recipes.mjs';
import { SOURCES, source as sourceFile } from './sources.mjs';

/** Sources whose gradients show too few bits; on textures nobody sees them, and nothing is claimed. */
const SMOOTH = new Set(['sky', 'astronaut', 'coffee', 'china', 'retina', 'rocket', 'flower', 'phone', 'cat', 'bunny', 'dune', 'storm', 'ladybird', 'drops', 'wings', 'cameraman']);
/** Sources whose picture moves enough to be torn or combed visibly. */
const STILL = new Set(['sky', 'pattern']);

/** Drawings without texture: what is smeared or barred in them may as well be drawn so. */
const FLAT = new Set(['sky', 'pattern', 'fractal']);

/** All clips of a part: `tune`, `check` or `report`. */
export function clips(half) {
  const list = [];
  const names = Object.keys(SOURCES).filter((name) => SOURCES[name].half === half);
  const encoders = Object.keys(ENCODERS).filter((name) => ENCODERS[name].half === half);
  for (const [recipe, how] of Object.entries(RECIPES)) {
    if (how.half && how.half !== half) continue;
    let turn = Object.keys(RECIPES).indexOf(recipe);
    for (const name of names) {
      if (!applies(recipe, how, name)) continue;
      const encoder = how.encoders === false ? null : encoders[turn++ % encoders.length];
      const ext = encoder ? ENCODERS[encoder].ext : how.ext;
      list.push({ id: `${recipe}.${name}${encoder ? `.${encoder}` : ''}.${ext}`, recipe, source: name, encoder, label: how.label ?? null, ignore: how.ignore ?? [] });
    }
  }
  return list;
}

function applies(recipe, how, name) {
  if (SOURCES[name].only === 'clean') return ['good', 'modest', 'live', 'grain', 'lines'].includes(recipe);
  if (how.label === 'banded') return SMOOTH.has(name);
  if (how.label === 'striped') return !FLAT.has(name);
  if (how.label === 'torn') return !STILL.has(name);
  return true;
}

/** The file of a clip, made if need be. */
export async function clip({ id, recipe, source, encoder }) {
  const file = join(cached('clips'), id);
  if (existsSync(file)) return file;
  const part = join(cached('part'), id);
  await RECIPES[recipe].make(source, encoder, part);
  renameSync(part, file);
  return file;
}

/** Share of a clip's frames that must be visibly damaged for its label to hold. */
const VISIBLE = 0.4;

/**
 * What is visibly unlike the source, by the first word of the recipe: blocks of a frame that are off by so many levels on
 * average, and their share of it.
 */
const VISIBLY = {
  noise: { off: 20, blocks: 0.04 },
  loss: { off: 20, blocks: 0.04 },
  source: { off: 20, blocks: 0.04 },
  lowrate: { off: 4, blocks: 0.1 },
  tear: { off: 8, blocks: 0.1 },
  smear: { off: 8, blocks: 0.03 },
  shift: { off: 8, blocks: 0.03 },
  bars: { off: 8, blocks: 0.03 },
};

/** Whether a clip's label holds: what was done to an encoded stream may leave nothing to be seen. Such a clip is left out. */
export async function labelHolds({ id, recipe, source, label }) {
  const visible = VISIBLY[recipe.split('_')[0]];
  if (!visible) return true;
  const note = join(cached('damage'), `${id}.json`);
  if (!existsSync(note)) {
    const share = await damagedShare(await clip({ id, recipe, source, encoder: null }), await sourceFile(source), visible);
    writeFileSync(note, JSON.stringify({ share }));
  }
  return label === null || JSON.parse(readFileSync(note, 'utf8')).share >= VISIBLE;
}
