// Owns what the viewer's end says of itself in a call, as the sentences an agent reads. Pure.

import type { CallState } from '../../protocol/generated.ts';
import type { IconName } from '../../ui/icons.ts';
import type { Texts } from '../texts.ts';

/** How long the server waits for a viewer whose connection broke, ms (`GRACE_MS` of src/calls). */
export const AWAY_GRACE_MS = 20_000;

/** Something to be said of the viewer's end. */
export interface Signal {
  readonly key: 'page_hidden' | 'screen' | 'camera' | 'audio';
  readonly icon: IconName;
  readonly text: string;
}

/** What is wrong with what the viewer's end sends, in the order of weight; nothing while its connection is away. */
export function signals({ viewer, surface }: CallState, t: Texts['call']): Signal[] {
  if (viewer.away_since_ms !== undefined) return [];
  const { screen, camera, audio, page_hidden } = viewer.sources;
  const found: Signal[] = [];
  if (screen === 'interrupted') found.push({ key: 'screen', icon: 'screen', text: t.screenInterrupted });
  if (camera === 'interrupted') found.push({ key: 'camera', icon: 'cameraOff', text: t.cameraInterrupted });
  if (audio === 'interrupted') found.push({ key: 'audio', icon: 'micOff', text: t.voiceInterrupted });
  // Who shares a screen or a window is expected to look at it.
  const expected = surface === 'screen' || surface === 'window';
  if (page_hidden && !expected) found.push({ key: 'page_hidden', icon: 'eye', text: t.pageHidden });
  return found;
}
