// The m-lines of every media connection with the server (docs/protocol.md, Slots).

/** The m-lines in their order; `mid` is the index. The last one, `application`, comes with the data channels. */
export const SLOTS = [
  { kind: 'audio', direction: 'sendonly' },
  { kind: 'video', direction: 'sendonly' },
  { kind: 'video', direction: 'sendonly' },
  { kind: 'audio', direction: 'recvonly' },
  { kind: 'audio', direction: 'recvonly' },
  { kind: 'video', direction: 'recvonly' },
  { kind: 'video', direction: 'recvonly' },
] as const satisfies readonly { kind: 'audio' | 'video'; direction: RTCRtpTransceiverDirection }[];
