// Owns what this end sends in a call: the agent's microphone and camera, off at first in every call, put onto the warm
// connection, and told to the viewer's end.

import type { AgentSession } from '../../client/agent.ts';
import { AgentCamera } from '../../client/agent-camera.ts';
import type { MediaPeer, SendSlot } from '../../client/media.ts';
import { Microphone } from '../../client/microphone.ts';
import type { CallId, SourceState, Sources } from '../../protocol/generated.ts';
import type { AgentPeer } from './agent-peer.ts';

/** Most a face may cost the line to the viewer, bit/s. */
const CAMERA_BITRATE_MAX = 500_000;

/** The agent's microphone and camera. */
export class Speaking {
  readonly microphone: Microphone;
  readonly camera: AgentCamera;
  readonly #session: AgentSession;
  readonly #peer: AgentPeer;
  readonly #ends: (() => void)[];
  #call: CallId | null = null;
  #told = '';

  constructor(session: AgentSession, peer: AgentPeer) {
    this.#session = session;
    this.#peer = peer;
    this.microphone = new Microphone((track) => this.#put('microphone', track));
    this.camera = new AgentCamera((track) => this.#put('camera', track));
    const tell = () => this.#tell();
    document.addEventListener('visibilitychange', tell);
    this.#ends = [
      () => document.removeEventListener('visibilitychange', tell),
      this.microphone.state.subscribe(tell),
      this.camera.state.subscribe(tell),
      // Another connection has empty senders.
      peer.peer.subscribe(() => {
        this.#put('microphone', this.microphone.track);
        this.#put('camera', this.camera.track);
      }),
      session.connection.on('welcome', () => {
        this.#told = '';
        this.#tell();
      }),
    ];
  }

  /** The running call, or none: then both are off, and the next call begins with both off. */
  setCall(call: CallId | null): void {
    if (call === this.#call) return;
    this.#call = call;
    this.#told = '';
    this.microphone.turnOff();
    this.camera.turnOff();
    this.#tell();
  }

  /** Ends everything. */
  close(): void {
    for (const end of this.#ends) end();
    this.microphone.close();
    this.camera.turnOff();
  }

  #put(slot: SendSlot, track: MediaStreamTrack | null): void {
    const peer = this.#peer.peer.get();
    if (peer === null) return;
    peer.replaceTrack(slot, track).then(
      () => (slot === 'camera' && track !== null ? boundCamera(peer) : undefined),
      () => {
        // The connection is being closed; the next one gets the track again.
      },
    );
  }

  #tell(): void {
    if (this.#call === null) return;
    const sources: Sources = {
      audio: stateOf(this.microphone.state.get()),
      screen: 'off',
      camera: stateOf(this.camera.state.get()),
      page_hidden: document.hidden,
    };
    const told = JSON.stringify(sources);
    if (told === this.#told || this.#session.connection.state.get().kind !== 'open') return;
    this.#told = told;
    this.#session.sending(this.#call, sources);
  }
}

function stateOf({ kind, muted }: { kind: 'off' | 'starting' | 'on'; muted: boolean }): SourceState {
  if (kind === 'on') return muted ? 'interrupted' : 'on';
  return kind === 'starting' && muted ? 'interrupted' : 'off';
}

async function boundCamera(peer: MediaPeer): Promise<void> {
  const sender = peer.sender('camera');
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = CAMERA_BITRATE_MAX;
  await sender.setParameters(parameters).catch(() => {
    // A browser that does not let it be bounded sends what its own estimate allows.
  });
}
