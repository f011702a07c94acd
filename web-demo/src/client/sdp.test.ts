import { expect, it } from 'vitest';
import { orderCodecs } from './media.ts';
import { withStartBitrate } from './sdp.ts';

const SDP = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98 102',
  'a=rtpmap:96 VP8/90000',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:98 VP9/90000',
  'a=fmtp:98 profile-id=0',
  'a=rtpmap:102 H264/90000',
  'a=fmtp:102 level-asymmetry-allowed=1;x-google-start-bitrate=300',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  '',
].join('\r\n');

it('puts the start bitrate on every video format, once, and nowhere else', () => {
  const out = withStartBitrate(SDP, 3000);
  expect(out).toContain('a=rtpmap:96 VP8/90000\r\na=fmtp:96 x-google-start-bitrate=3000\r\n');
  expect(out).toContain('a=fmtp:98 profile-id=0;x-google-start-bitrate=3000\r\n');
  expect(out).toContain('a=fmtp:102 level-asymmetry-allowed=1;x-google-start-bitrate=3000\r\n');
  expect(out).toContain('a=fmtp:97 apt=96\r\n');
  expect(out).toContain('a=fmtp:111 minptime=10\r\n');
  expect(out.match(/x-google-start-bitrate/g)).toHaveLength(3);
  expect(withStartBitrate(out, 3000)).toBe(out);
});

it('leaves the description alone without one, and bounds what it is given', () => {
  expect(withStartBitrate(SDP, null)).toBe(SDP);
  expect(withStartBitrate(SDP, Number.NaN)).toBe(SDP);
  expect(withStartBitrate(SDP, 1e9)).toContain('x-google-start-bitrate=20000');
  expect(withStartBitrate(SDP, -5)).toContain('x-google-start-bitrate=100');
});

it('orders codecs by preference and keeps the others behind, in order', () => {
  const codecs = ['video/H264', 'video/rtx', 'video/VP9', 'video/VP8', 'video/H264'].map((mimeType) => ({ mimeType }));
  expect(orderCodecs(codecs, ['vp8', 'H264']).map((one) => one.mimeType)).toEqual([
    'video/VP8',
    'video/H264',
    'video/H264',
    'video/rtx',
    'video/VP9',
  ]);
});
