// A level meter: a bar that follows a loudness. It asks ten times a second, as long as it is drawn.

import { useEffect, useRef } from 'preact/hooks';

/** Time between two readings, ms: fast enough for speech, cheap enough beside a call. */
const EVERY_MS = 100;

/** Shows `read()`, 0 to 1. `label` is its accessible name. */
export function Meter({ label, read }: { label: string; read: () => number }) {
  const meter = useRef<HTMLMeterElement>(null);
  const reader = useRef(read);
  reader.current = read;
  useEffect(() => {
    const timer = setInterval(() => {
      if (meter.current) meter.current.value = reader.current();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return <meter ref={meter} class="sl-meter" aria-label={label} min={0} max={1} value={0} />;
}
