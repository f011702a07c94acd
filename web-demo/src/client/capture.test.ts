// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { displayProblem, surfaceOf } from './capture-display.ts';
import { deviceProblem } from './devices.ts';

afterEach(() => vi.unstubAllGlobals());

const refused = (message: string, name = 'NotAllowedError') => new DOMException(message, name);
const onPhone = (phone: boolean) => vi.stubGlobal('matchMedia', () => ({ matches: phone }));

it('tells a closed picker from the system, the page and a phone that refuses everything', () => {
  onPhone(false);
  expect(displayProblem(refused('Permission denied by user'), 4_000)).toBe('cancelled');
  expect(displayProblem(refused('Permission denied'), 5)).toBe('cancelled');
  expect(displayProblem(refused('Permission denied by system'), 900)).toBe('system');
  expect(displayProblem(refused('gone', 'NotReadableError'), 900)).toBe('system');
  expect(displayProblem(refused('', 'AbortError'), 900)).toBe('cancelled');
  expect(displayProblem(new TypeError('odd'), 1)).toBe('failed');
  onPhone(true);
  expect(displayProblem(refused('Permission denied'), 5)).toBe('unsupported');
  expect(displayProblem(refused('Permission denied'), 4_000)).toBe('cancelled');
  vi.stubGlobal('document', { featurePolicy: { allowsFeature: () => false } });
  expect(displayProblem(refused('Permission denied'), 5)).toBe('forbidden');
});

it('reports the surface by the track, not by the button', () => {
  expect(surfaceOf({ displaySurface: 'browser' })).toBe('tab');
  expect(surfaceOf({ displaySurface: 'window' })).toBe('window');
  expect(surfaceOf({ displaySurface: 'monitor' })).toBe('screen');
  expect(surfaceOf({})).toBe('screen');
});

it('knows why a device gives nothing', () => {
  expect(deviceProblem(refused('Permission denied'))).toBe('denied');
  expect(deviceProblem(refused('Permission denied by system'))).toBe('system');
  expect(deviceProblem(refused('', 'NotFoundError'))).toBe('missing');
  expect(deviceProblem(refused('', 'NotReadableError'))).toBe('busy');
  expect(deviceProblem(new Error('x'))).toBe('failed');
});
