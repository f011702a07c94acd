// What kind of device it is, in two words: enough to see that many of one kind have the same trouble, too little to tell
// anybody apart.

/** Browsers by what their user agent string has, the most telling first: most of them call themselves Chrome and Safari, too. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bMicroMessenger\//, 'WeChat'],
  [/\bUCBrowser\//, 'UC Browser'],
  [/\bQQBrowser\//, 'QQ Browser'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/Chrome\/|\bChromium\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\bHarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/\bAndroid\b/, 'Android'],
  [/\biPhone|\biPad|\biPod/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bTizen|\bWeb0S|\bWebOS/, 'TV'],
  [/\bLinux\b/, 'Linux'],
];

/** Browser and system by a user agent string; what is not recognised is absent. */
export function kindOf(userAgent: string): { browser?: string; system?: string } {
  const first = (list: typeof BROWSERS) => list.find(([pattern]) => pattern.test(userAgent))?.[1];
  const [browser, system] = [first(BROWSERS), first(SYSTEMS)];
  return { ...(browser && { browser }), ...(system && { system }) };
}

/** What does not change while the page lives. */
export function deviceFacts(): { browser?: string; system?: string; timeZone?: string } {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return { ...kindOf(navigator.userAgent), ...(timeZone && { timeZone }) };
}
