// The product's main job with Firefox at the viewer's end and Chromium at the agent's. Firefox runs on a display of its own and
// captures it for real: the pattern's window covers the whole of it.

import { test } from '../support/fixtures.ts';
import { playerStory, screenStory } from '../support/story.ts';

test('a viewer in Firefox chats, shares the screen, stops, rates, and the ticket holds all of it', async ({
  stage,
}) => {
  await screenStory(stage, { browser: await stage.firefox() });
});

test('a viewer in Firefox shares only the player, over https', async ({ stage }) => {
  await playerStory(stage, { browser: await stage.firefox(), tls: true });
});
