// The flags Chromium is started with, and the two ways in which a screen is shared without a person at the picker.

/** Title of the tab that is shared when a page asks for a screen: its content is known, so that pixels can be compared. */
export const SHARED_TAB_TITLE = 'Sightline test pattern';

/**
 * `getDisplayMedia` gives the tab titled `SHARED_TAB_TITLE`, as if it had been picked. Not together with
 * `--use-fake-ui-for-media-stream`, which wins and gives a synthetic monitor of one green.
 */
export function browserFlags(): string[] {
  return [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--use-fake-device-for-media-stream',
    `--auto-select-tab-capture-source-by-title=${SHARED_TAB_TITLE}`,
    // The two questions that this tab's sharing and the devices ask are answered with yes.
    '--auto-accept-this-tab-capture',
    '--auto-accept-camera-and-microphone-capture',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
    '--disable-background-timer-throttling',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ];
}
