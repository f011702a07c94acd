// A level meter: a bar that follows a loudness. It asks ten times a second, while it can be seen.

import { useEffect, useRef } from 'preact/hooks';

/** Time between two readings, ms: fast enough for speech, cheap enough beside a call. */
const EVERY_MS = 100;

/** Shows `read()`, 0 to 1. `label` is its accessible name. */
export function Meter({ label, read }: { label: string; read: () => number }) {
  const meter = useRef<HTMLDivElement>(null);
  const bar = useRef<HTMLDivElement>(null);
  const reader = useRef(read);
  reader.current = read;
  useEffect(() => {
    const timer = setInterval(() => {
      const level = reader.current();
      if (bar.current) bar.current.style.transform = `scaleX(${level.toFixed(2)})`;
      meter.current?.setAttribute('aria-valuenow', String(Math.round(level * 100)));
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div
      ref={meter}
      class="sl-meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    >
      <div ref={bar} class="sl-meter__bar" />
    </div>
  );
}
