// Owns the small line beside a figure: a trend, not a reading.

/** Drawing units; the picture is stretched to its place. */
const WIDTH = 120;
const HEIGHT = 32;
/** Room above the highest value, so that a steady line does not lie on the edge. */
const HEADROOM = 1.25;

interface SparkProps {
  /** Oldest first; `null` breaks the line. */
  values: readonly (number | null)[];
  /** Number of the token `--sl-chart-N`. */
  color?: 1 | 2 | 3 | 4 | 5 | 6;
  /** Lower end of the top of the scale. */
  floor?: number;
}

/** The line; decorative, the figure beside it says the same. */
export function Spark({ values, color = 1, floor = 1 }: SparkProps) {
  const top = Math.max(floor, ...values.map((value) => (value ?? 0) * HEADROOM));
  const step = values.length > 1 ? WIDTH / (values.length - 1) : WIDTH;
  let path = '';
  let open = false;
  values.forEach((value, index) => {
    if (value === null) {
      open = false;
      return;
    }
    const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
    path += `${open ? 'L' : 'M'}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    open = true;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path
        d={path}
        fill="none"
        stroke={`var(--sl-chart-${color})`}
        stroke-width="1.6"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
