// Contrast of the design tokens, measured by WCAG 2.2's formula in both themes.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');
const [lightCss = '', darkCss = ''] = css.split('@media screen and (prefers-color-scheme: dark)');

const themeCss = readFileSync(new URL('./theme.css', import.meta.url), 'utf8');

function colours(block: string): Map<string, string> {
  return new Map(Array.from(block.matchAll(/--sl-([a-z0-9-]+):\s*(#[0-9a-f]{6})/g), (m) => [m[1] ?? '', m[2] ?? '']));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const SURFACES = ['bg', 'surface', 'surface-sunk', 'surface-hover'];
const pairs: [front: string, back: string, least: number][] = [
  ...SURFACES.flatMap((back): [string, string, number][] => [
    ['text', back, 7],
    ['text-muted', back, 4.5],
    ['accent-text', back, 4.5],
    ['live-text', back, 4.5],
    ['danger-text', back, 4.5],
    ['line-strong', back, 3],
    ['focus', back, 3],
  ]),
  ...['accent', 'live', 'good', 'warn', 'danger', 'info'].flatMap((tone): [string, string, number][] => [
    [`${tone}-text`, `${tone}-soft`, 4.5],
    ['text', `${tone}-soft`, 4.5],
  ]),
  ['note-line', 'warn-soft', 3],
  ['note-line', 'surface', 3],
  ['on-accent', 'accent', 4.5],
  ['on-accent', 'accent-hover', 4.5],
  ['on-brand', 'brand', 7],
  ['on-live', 'live', 4.5],
  ['on-live', 'live-hover', 4.5],
  ...[1, 2, 3, 4, 5, 6].map((n): [string, string, number] => [`chart-${n}`, 'surface', 3]),
];

describe.each([
  ['light', colours(lightCss)],
  ['dark', new Map([...colours(lightCss), ...colours(darkCss)])],
])('%s theme', (_name, tokens) => {
  it.each(pairs)('%s on %s keeps %d:1', (front, back, least) => {
    expect(contrast(tokens.get(front) ?? '#000000', tokens.get(back) ?? '#000000')).toBeGreaterThanOrEqual(least);
  });
});

it('the chosen dark is the system’s dark, value by value', () => {
  const values = (block: string) =>
    Array.from(block.matchAll(/(--sl-[a-z0-9-]+):\s*([^;]+);/g), (m) => `${m[1]} ${m[2]}`);
  const dark = darkCss.slice(0, darkCss.indexOf('@media'));
  expect(values(themeCss.slice(themeCss.indexOf('[data-theme="dark"]')))).toEqual(values(dark));
});
