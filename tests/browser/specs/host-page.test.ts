// A host's page must never pay for us: with our server dead or hanging it shows no error and is there as fast as without
// the widget; nothing but files is asked of us before the chat is opened; a strict policy is enough.

import type { Page } from '@playwright/test';
import { openPattern, PATTERN } from '../support/pattern.ts';
import { ACCOUNT, expect, type Stage, tell, test } from '../support/fixtures.ts';
import { deadOrigin, type Host, hostPage, hostPages, lateWidget, SilentServer, strictPolicy, widgetTag } from '../support/host.ts';

/** Loads of each kind whose medians are compared. */
const LOADS = 9;
/** How much longer a page with the widget may take: a tenth, and what this machine's scheduling adds to single loads. */
const RATIO_MAX = 1.1;
const SLACK_MS = 40;

/** When a page's own things were ready, ms after the navigation began. */
interface Timing {
  /** `DOMContentLoaded`, after the host's own deferred script. */
  content: number;
  /** First text on the screen. */
  paint: number;
  /** The player's first frame can be shown. */
  player: number;
  /** The `load` event; null when it had not come when the rest was ready and a second had passed. */
  load: number | null;
}

async function timing(page: Page, address: string): Promise<Timing> {
  await page.goto(address, { waitUntil: 'commit' });
  return page.evaluate(async () => {
    const nap = (ms: number) => new Promise((done) => setTimeout(done, ms));
    const video = () => document.querySelector('video');
    const paint = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
    const navigation = () => performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming;
    while ((video()?.readyState ?? 0) < 2) await nap(1);
    const player = performance.now();
    while (paint() === undefined || navigation().domContentLoadedEventEnd === 0) await nap(1);
    const late = performance.now() + 1_000;
    while (navigation().loadEventEnd === 0 && performance.now() < late) await nap(1);
    const load = navigation().loadEventEnd;
    return {
      content: navigation().domContentLoadedEventEnd,
      paint: paint() ?? 0,
      player,
      load: load === 0 ? null : load,
    };
  });
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Loads two addresses in turns, so that what else the machine does hits both alike. */
async function compare(page: Page, without: string, withWidget: string) {
  const plain: Timing[] = [];
  const ours: Timing[] = [];
  await timing(page, without);
  await timing(page, withWidget);
  for (let n = 0; n < LOADS; n += 1) {
    plain.push(await timing(page, without));
    ours.push(await timing(page, withWidget));
  }
  return { plain, ours };
}

function expectAsFast(plain: Timing[], ours: Timing[], what: keyof Timing): void {
  const values = (timings: Timing[]) => timings.map((one) => one[what] ?? Number.POSITIVE_INFINITY);
  const [before, after] = [median(values(plain)), median(values(ours))];
  tell(`${what}, median of ${LOADS}`, `${before.toFixed(0)} ms without, ${after.toFixed(0)} ms with the widget`);
  expect(after, what).toBeLessThan(before * RATIO_MAX + SLACK_MS);
}

/** Host pages without and with the widget of a support server. */
async function hostWith(stage: Stage, support: string): Promise<{ host: Host; without: string; withWidget: string }> {
  const host = await stage.host();
  const policy = strictPolicy(support);
  const [plain, ours] = [await hostPages(hostPage(), policy), await hostPages(hostPage({ head: widgetTag(support) }), policy)];
  host.serve({ ...plain, '/without': plain['/'], '/with': ours['/'] });
  return { host, without: `${host.origin}/without?lang=en`, withWidget: `${host.origin}/with?lang=en` };
}

test('with our server dead the page shows no error and loads as fast as without the widget', async ({ stage }) => {
  // The browser's own note of a file that it could not load; the page's code is not told.
  stage.expected.push(/^console: Failed to load resource: net::ERR_CONNECTION_REFUSED \(.*\/widget\.js\)$/);
  const { without, withWidget } = await hostWith(stage, await deadOrigin());
  const page = await stage.page();
  const { plain, ours } = await compare(page, without, withWidget);
  for (const what of ['content', 'paint', 'player', 'load'] as const) expectAsFast(plain, ours, what);
  await expect(page.getByRole('heading', { name: "A host's stream" })).toBeVisible();
  await expect(page.locator('sightline-support')).toHaveCount(0);
});

test('with our server hanging the page shows no error and is there as fast as without the widget', async ({ stage }) => {
  const silent = await SilentServer.start();
  stage.onEnd(() => silent.close());
  const { without, withWidget } = await hostWith(stage, silent.origin);
  const page = await stage.page();
  const { plain, ours } = await compare(page, without, withWidget);
  expect(silent.connections).toBeGreaterThan(0);
  for (const what of ['content', 'paint', 'player'] as const) expectAsFast(plain, ours, what);
  await page.goto('about:blank');
});

test('a host that adds the widget after its own load has that load as fast even while our server hangs', async ({
  stage,
}) => {
  const silent = await SilentServer.start();
  stage.onEnd(() => silent.close());
  const { host, without } = await hostWith(stage, silent.origin);
  const pages = await hostPages(hostPage(), strictPolicy(silent.origin));
  const late = await hostPages(hostPage({ head: '<script src="/late.js" defer></script>' }), strictPolicy(silent.origin));
  host.serve({
    ...pages,
    '/without': pages['/'],
    '/with': late['/'],
    '/late.js': { type: 'text/javascript', body: lateWidget(silent.origin) },
  });
  const page = await stage.page();
  const { plain, ours } = await compare(page, without, `${host.origin}/with?lang=en`);
  expect(silent.connections).toBeGreaterThan(0);
  for (const what of ['content', 'paint', 'player', 'load'] as const) expectAsFast(plain, ours, what);
  await page.goto('about:blank');
});

test('the widget works when it is added after the load of the page', async ({ stage }) => {
  const host = await stage.host();
  const server = await stage.serverFor(host);
  host.serve({
    ...(await hostPages(hostPage({ head: '<script src="/late.js" defer></script>' }), strictPolicy(server.url))),
    '/late.js': { type: 'text/javascript', body: lateWidget(server.url) },
  });
  const viewer = await stage.viewer();
  await viewer.page.goto(`${host.origin}/?lang=en`);
  await viewer.openChat();
  await viewer.say('Late, but here.');
  expect(await viewer.ticket()).toBeGreaterThan(0);
});

test('the chat opened while our server is dead says so, keeps trying, and works when it is back', async ({ stage }) => {
  stage.expected.push(/ERR_CONNECTION_REFUSED|WebSocket connection/);
  const host = await stage.host();
  const server = await stage.serverFor(host);
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url) }), strictPolicy(server.url)));
  const viewer = await stage.viewer();
  await viewer.page.goto(`${host.origin}/?lang=en`);
  await expect(viewer.launcher).toBeVisible();
  await server.kill();
  await viewer.launcher.click();
  await expect(viewer.dialog.getByText('We cannot reach support right now. We keep trying.')).toBeVisible();
  await server.startAgain();
  await expect(viewer.message).toBeVisible({ timeout: 30_000 });
  await viewer.say('Are you back?');
  await viewer.ticket();
});

test('the loader asks for nothing but its own files before the chat is opened, and leaves nothing on the window', async ({ stage }) => {
  const host = await stage.host();
  const server = await stage.serverFor(host);
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url) }), strictPolicy(server.url)));
  const viewer = await stage.viewer();
  const { page } = viewer;
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith(server.url)) asked.push(new URL(request.url()).pathname);
  });
  page.on('websocket', (socket) => asked.push(socket.url()));
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', () => sessionStorage.setItem('globals', Object.keys(window).join()), { once: true });
  });
  await page.goto(`${host.origin}/?lang=en`);
  await expect(viewer.launcher).toBeVisible();
  await viewer.expectPlaying();
  // Long enough that a timer of a second or two would have fired: the player's clock goes on for three.
  const from = await viewer.player.evaluate((video: HTMLVideoElement) => video.currentTime);
  await expect
    .poll(() => viewer.player.evaluate((video: HTMLVideoElement) => video.currentTime))
    .toBeGreaterThan(from + 3);
  expect(asked[0]).toBe('/widget.js');
  const files = asked.slice(1);
  expect(files.filter((path) => !/^\/assets\/(?:watch|widget)-[\w.-]+\.js$/.test(path))).toEqual([]);
  await viewer.openChat();
  expect(asked.length).toBeGreaterThan(files.length + 1);
  const added = await page.evaluate(() => {
    const before = new Set((sessionStorage.getItem('globals') ?? '').split(','));
    return Object.keys(window).filter((name) => !before.has(name) && !/^(recordedPeers|\d+)$/.test(name));
  });
  expect(added).toEqual([]);
});

test('under a strict policy, on another origin, the whole of the widget works', async ({ stage }) => {
  const host = await stage.host();
  const server = await stage.serverFor(host);
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url) }), strictPolicy(server.url)));
  const viewer = await stage.viewer();
  const violations: string[] = [];
  await viewer.page.exposeFunction('violated', (text: string) => violations.push(text));
  await viewer.page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      (window as unknown as { violated: (text: string) => void }).violated(
        `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
      );
    });
  });
  await viewer.page.goto(`${host.origin}/?lang=en`);
  const agent = await stage.agent(server, { account: ACCOUNT });
  await viewer.openChat();
  await viewer.pick('Stripes or blocks on the picture');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await agent.answer('Let me have a look.');
  await expect(viewer.log.getByText('Let me have a look.', { exact: true })).toBeVisible();
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await viewer.stopSharing();
  const pattern = await openPattern(viewer.page);
  await agent.invite.click();
  await viewer.shareScreen();
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  await pattern.close();
  await expect(viewer.bar).toBeHidden();
  await viewer.rate(5, 'Strict, and it works.');
  const rest = stage.rest(server);
  await rest.ticketWhen(ticket, (one) => one.rating === 5 && one.player.samples.length > 0);
  expect(violations).toEqual([]);
});

test('on a host that is not configured the viewer is told so, in words meant for viewers', async ({ stage }) => {
  const host = await stage.host();
  const server = await stage.server({ demo: false });
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url) })));
  const viewer = await stage.viewer();
  await viewer.page.goto(`${host.origin}/?lang=en`);
  await viewer.openChat();
  await expect(viewer.dialog.getByText('Support is not set up for this site.')).toBeVisible();
  await expect(viewer.status).toHaveText('Not available');
});
