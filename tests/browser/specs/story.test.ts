// The product's main job in Chromium at both ends, over http on localhost and over https.

import { test } from '../support/fixtures.ts';
import { playerStory, screenStory } from '../support/story.ts';

for (const scheme of ['http', 'https'] as const) {
  test.describe(`over ${scheme}`, () => {
    test('a viewer chats, shares the screen, stops, rates, and the ticket holds all of it', async ({ stage }) => {
      await screenStory(stage, { tls: scheme === 'https' });
    });

    test('a viewer shares only the player', async ({ stage }) => {
      await playerStory(stage, { tls: scheme === 'https' });
    });
  });
}
