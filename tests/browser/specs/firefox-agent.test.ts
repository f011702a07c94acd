// The product's main job with Firefox at the agent's end and Chromium at the viewer's.

import { test } from '../support/fixtures.ts';
import { playerStory, screenStory } from '../support/story.ts';

test('an agent in Firefox sees the shared screen, and the ticket holds all of it', async ({ stage }) => {
  await screenStory(stage, { agentBrowser: await stage.firefox() });
});

test('an agent in Firefox sees the shared player, over https', async ({ stage }) => {
  await playerStory(stage, { agentBrowser: await stage.firefox(), tls: true });
});
