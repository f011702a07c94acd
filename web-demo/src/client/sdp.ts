// The one change we make to a session description: the bitrate with which the first picture may start.

/** Bounds of a start bitrate, kbit/s: below, the picture is tiny anyway; above, no screen needs it. */
const START_KBPS_MIN = 100;
const START_KBPS_MAX = 20_000;

/**
 * Puts `x-google-start-bitrate` into every video format of a remote description that has parameters, and adds a
 * parameter line to those that have none. Formats that only repair or protect others (rtx, red, ulpfec, flexfec) are left alone.
 * Chromium reads it from the remote description's `a=fmtp`; other browsers ignore it.
 */
export function withStartBitrate(sdp: string, kbps: number | null | undefined): string {
  if (kbps === null || kbps === undefined || !Number.isFinite(kbps)) return sdp;
  const rate = Math.round(Math.min(START_KBPS_MAX, Math.max(START_KBPS_MIN, kbps)));
  const eol = sdp.includes('\r\n') ? '\r\n' : '\n';
  const sections = sdp.split(/^(?=m=)/m);
  return sections.map((section) => (section.startsWith('m=video') ? withRate(section, rate, eol) : section)).join('');
}

function withRate(section: string, rate: number, eol: string): string {
  const lines = section.split(eol);
  const formats = lines.flatMap((line) => {
    const found = /^a=rtpmap:(\d+) ([^/]+)\//.exec(line);
    const name = found?.[2]?.toLowerCase();
    return found?.[1] && name && !/^(rtx|red|ulpfec|flexfec.*)$/.test(name) ? [found[1]] : [];
  });
  const out: string[] = [];
  const withFmtp = new Set(formats.filter((pt) => lines.some((line) => line.startsWith(`a=fmtp:${pt} `))));
  for (const line of lines) {
    const fmtp = /^a=fmtp:(\d+) (.*)$/.exec(line);
    if (fmtp?.[1] && withFmtp.has(fmtp[1])) {
      out.push(`a=fmtp:${fmtp[1]} ${withoutRate(fmtp[2] ?? '')}x-google-start-bitrate=${rate}`);
      continue;
    }
    out.push(line);
    const map = /^a=rtpmap:(\d+) /.exec(line);
    if (map?.[1] && formats.includes(map[1]) && !withFmtp.has(map[1])) {
      out.push(`a=fmtp:${map[1]} x-google-start-bitrate=${rate}`);
    }
  }
  return out.join(eol);
}

/** The parameters without a start bitrate of before, ready for one more. */
function withoutRate(parameters: string): string {
  const kept = parameters
    .split(';')
    .filter((one) => one.trim() !== '' && !one.trim().startsWith('x-google-start-bitrate'));
  return kept.length ? `${kept.join(';')};` : '';
}
