// The scene of the demo's live event: a night regatta. Everything is a function of the time in the loop, and every motion
// runs a whole number of cycles in LOOP_S seconds, so that the last frame leads into the first.
// Open clip-scene.html?preview in a browser to watch it; make-clip.mjs calls it with ?render.
'use strict';

const WIDTH = 1280, HEIGHT = 720, FPS = 30, LOOP_S = 24, FRAMES = FPS * LOOP_S, HORIZON = 372;
const canvas = document.getElementById('c');
const ctx = canvas.getContext('2d', { alpha: false });
const FONT = '"Inter", "Noto Sans", "DejaVu Sans", sans-serif';

const BOATS = [
  { name: 'Aurora', sail: '#ff7a59', hull: '#2b1a2e', y: 470, scale: 0.78, x: 760, swing: 220, cycles: 1, phase: 0.1 },
  { name: 'Kestrel', sail: '#ffd166', hull: '#2a2436', y: 520, scale: 0.95, x: 560, swing: 170, cycles: 2, phase: 0.55 },
  { name: 'Nereid', sail: '#4cc9f0', hull: '#152238', y: 575, scale: 1.15, x: 760, swing: 210, cycles: 1, phase: 0.62 },
  { name: 'Vesper', sail: '#c77dff', hull: '#241433', y: 640, scale: 1.38, x: 430, swing: 200, cycles: 1, phase: 0.33 },
];

/** A seeded stream of numbers in [0, 1): mulberry32's shape, so that the scenery is the same in every run. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** sin over the loop: `cycles` whole turns in LOOP_S seconds. */
const wave = (t, cycles, phase = 0) => Math.sin(2 * Math.PI * (cycles * t / LOOP_S + phase));

const stars = (() => {
  const next = random(11);
  return Array.from({ length: 110 }, () => ({ x: next() * WIDTH, y: next() * 260, r: 0.5 + next() * 1.1, cycles: 3 + Math.floor(next() * 9), phase: next() }));
})();

const skyline = (() => {
  const next = random(29);
  const towers = [];
  for (let x = 0; x < WIDTH; ) {
    const width = 26 + Math.floor(next() * 52);
    const height = 24 + Math.floor(next() ** 2 * 120);
    const windows = [];
    for (let wy = 8; wy < height - 8; wy += 11) {
      for (let wx = 6; wx < width - 7; wx += 10) {
        if (next() < 0.38) windows.push({ x: wx, y: wy, warm: next() < 0.8, blink: next() < 0.05 ? 2 + Math.floor(next() * 5) : 0 });
      }
    }
    towers.push({ x, width: Math.min(width, WIDTH - x), height, windows, mast: height > 105 });
    x += width + (next() < 0.2 ? 14 : 1);
  }
  return towers;
})();

function drawSky(t) {
  const sky = ctx.createLinearGradient(0, 0, 0, HORIZON);
  sky.addColorStop(0, '#070b1f');
  sky.addColorStop(0.55, '#132046');
  sky.addColorStop(0.86, '#3a3466');
  sky.addColorStop(1, '#8a4f6e');
  ctx.fillStyle = sky;
  ctx.fillRect(0, 0, WIDTH, HORIZON + 4);
  for (const star of stars) {
    ctx.globalAlpha = 0.55 + 0.35 * wave(t, star.cycles, star.phase);
    ctx.fillStyle = '#dfe7ff';
    ctx.beginPath();
    ctx.arc(star.x, star.y, star.r, 0, 7);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
  const glow = ctx.createRadialGradient(860, 118, 20, 860, 118, 190);
  glow.addColorStop(0, 'rgba(255,240,210,.55)');
  glow.addColorStop(0.25, 'rgba(255,230,200,.14)');
  glow.addColorStop(1, 'rgba(255,230,200,0)');
  ctx.fillStyle = glow;
  ctx.fillRect(650, 0, 420, 330);
  ctx.fillStyle = '#fff3d6';
  ctx.beginPath();
  ctx.arc(860, 118, 34, 0, 7);
  ctx.fill();
}

function drawFirework(t, start, x, y, colour, seed) {
  const age = (t - start + LOOP_S) % LOOP_S;
  if (age > 2.6) return;
  if (age < 0.6) {
    const rise = age / 0.6;
    ctx.fillStyle = '#ffe9c2';
    ctx.fillRect(x - 1, HORIZON - 40 - (HORIZON - 40 - y) * (1 - (1 - rise) ** 2), 3, 9);
    return;
  }
  const burn = (age - 0.6) / 2, next = random(seed), reach = 120 * (1 - (1 - burn) ** 3);
  ctx.fillStyle = colour;
  ctx.globalAlpha = Math.max(0, 1 - burn) ** 1.2;
  for (let i = 0; i < 46; i += 1) {
    const angle = next() * 2 * Math.PI, far = reach * (0.35 + 0.65 * next());
    ctx.beginPath();
    ctx.arc(x + Math.cos(angle) * far, y + Math.sin(angle) * far + 46 * burn * burn, 2.2, 0, 7);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

function drawSkyline(t) {
  const shift = (t / LOOP_S) * WIDTH;
  for (const offset of [-shift, WIDTH - shift]) {
    for (const tower of skyline) {
      const x = tower.x + offset;
      if (x > WIDTH || x + tower.width < 0) continue;
      const top = HORIZON - tower.height;
      ctx.fillStyle = '#0d1330';
      ctx.fillRect(x, top, tower.width, tower.height + 2);
      for (const w of tower.windows) {
        if (w.blink && wave(t, w.blink, w.x / 50) < 0) continue;
        ctx.fillStyle = w.warm ? 'rgba(255,205,130,.8)' : 'rgba(150,200,255,.75)';
        ctx.fillRect(x + w.x, top + w.y, 4, 5);
      }
      if (tower.mast) {
        ctx.fillStyle = '#0d1330';
        ctx.fillRect(x + tower.width / 2 - 1, top - 22, 3, 22);
        ctx.fillStyle = wave(t, 16, tower.x / 97) > 0.2 ? '#ff4d5e' : '#5a1a2b';
        ctx.fillRect(x + tower.width / 2 - 2, top - 26, 5, 5);
      }
    }
  }
}

function drawLighthouse(t) {
  const x = 170, base = HORIZON + 6, angle = 2 * Math.PI * (4 * t / LOOP_S), lamp = base - 118;
  const sweep = Math.cos(angle), reach = 900 * sweep;
  const beam = ctx.createLinearGradient(x, lamp, x + reach, lamp);
  beam.addColorStop(0, 'rgba(255,244,200,.55)');
  beam.addColorStop(1, 'rgba(255,244,200,0)');
  ctx.fillStyle = beam;
  ctx.beginPath();
  ctx.moveTo(x, lamp - 3);
  ctx.lineTo(x + reach, lamp - 46 - 20 * Math.abs(sweep));
  ctx.lineTo(x + reach, lamp + 34);
  ctx.lineTo(x, lamp + 3);
  ctx.fill();
  ctx.fillStyle = '#1a1330';
  ctx.beginPath();
  ctx.ellipse(x, base + 4, 92, 20, 0, 0, 7);
  ctx.fill();
  ctx.fillStyle = '#e9e2f5';
  ctx.beginPath();
  ctx.moveTo(x - 15, base - 6);
  ctx.lineTo(x - 9, lamp + 12);
  ctx.lineTo(x + 9, lamp + 12);
  ctx.lineTo(x + 15, base - 6);
  ctx.fill();
  ctx.fillStyle = '#d1495b';
  ctx.fillRect(x - 13, base - 50, 26, 17);
  ctx.fillRect(x - 10, base - 88, 20, 14);
  ctx.fillStyle = '#fff2b8';
  ctx.fillRect(x - 7, lamp - 6, 14, 16);
  ctx.fillStyle = '#2a1d3d';
  ctx.fillRect(x - 10, lamp - 13, 20, 7);
}

function drawSea(t) {
  const sea = ctx.createLinearGradient(0, HORIZON, 0, HEIGHT);
  sea.addColorStop(0, '#5c4470');
  sea.addColorStop(0.12, '#2c2f63');
  sea.addColorStop(0.5, '#152554');
  sea.addColorStop(1, '#0a1533');
  ctx.fillStyle = sea;
  ctx.fillRect(0, HORIZON, WIDTH, HEIGHT - HORIZON);
  const next = random(5);
  ctx.fillStyle = '#ffe6b8';
  for (let i = 0; i < 46; i += 1) {
    const y = HORIZON + 5 + i * i * 0.1 + i * 2.6, width = 14 + next() * (30 + i * 1.6), phase = next();
    ctx.globalAlpha = 0.1 + 0.3 * (0.5 + 0.5 * wave(t, 5 + (i % 5), phase));
    ctx.fillRect(860 - width / 2 + 16 * wave(t, 2 + (i % 3), phase), y, width, 1.6 + i * 0.05);
  }
  ctx.globalAlpha = 1;
}

/** One row of waves; drawn between the boats so that they sit in the water. */
function drawWaves(t, y, length, height, runs, colour) {
  const shift = runs * length * t / LOOP_S;
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(0, y + 34);
  for (let x = 0; x <= WIDTH; x += 8) {
    const along = (x + shift) / length * 2 * Math.PI;
    ctx.lineTo(x, y + height * (Math.sin(along) * 0.7 + Math.sin(2 * along + 1.3) * 0.3));
  }
  ctx.lineTo(WIDTH, y + 34);
  ctx.fill();
  ctx.strokeStyle = 'rgba(170,190,255,.16)';
  ctx.lineWidth = 1.5;
  ctx.stroke();
}

const boatX = (boat, t) => boat.x + boat.swing * wave(t, boat.cycles, boat.phase);

function drawBoat(boat, t) {
  const x = boatX(boat, t), bob = 5 * wave(t, 9, boat.phase) * boat.scale;
  ctx.save();
  ctx.translate(x, boat.y + bob);
  ctx.scale(boat.scale, boat.scale);
  ctx.save();
  ctx.scale(1, -0.45);
  ctx.globalAlpha = 0.2;
  ctx.rotate(0.05 * wave(t, 7, boat.phase + 0.2));
  sails(boat, t);
  ctx.restore();
  ctx.strokeStyle = 'rgba(225,238,255,.45)';
  ctx.lineWidth = 2;
  for (let i = 0; i < 4; i += 1) {
    const far = 80 + 60 * i + 8 * wave(t, 12, i / 4 + boat.phase);
    ctx.globalAlpha = 0.5 - 0.11 * i;
    ctx.beginPath();
    ctx.moveTo(-far, 8 + i * 3);
    ctx.quadraticCurveTo(-far - 22, 4 + i * 4, -far - 52, 11 + i * 4);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  ctx.rotate(0.05 + 0.035 * wave(t, 6, boat.phase));
  sails(boat, t);
  ctx.fillStyle = boat.hull;
  ctx.beginPath();
  ctx.moveTo(-74, -6);
  ctx.lineTo(92, -8);
  ctx.quadraticCurveTo(66, 16, 40, 17);
  ctx.lineTo(-58, 16);
  ctx.fill();
  ctx.fillStyle = boat.sail;
  ctx.fillRect(-68, -2, 146, 3);
  ctx.fillStyle = '#fff';
  ctx.beginPath();
  ctx.arc(88, -10, 3, 0, 7);
  ctx.fill();
  ctx.restore();
}

function sails(boat, t) {
  const belly = 20 + 6 * wave(t, 5, boat.phase);
  const lit = ctx.createLinearGradient(-60, 0, 70, -150);
  lit.addColorStop(0, boat.sail);
  lit.addColorStop(1, '#fff6e6');
  ctx.strokeStyle = '#e8e3f2';
  ctx.lineWidth = 3;
  ctx.beginPath();
  ctx.moveTo(4, -6);
  ctx.lineTo(4, -176);
  ctx.stroke();
  ctx.fillStyle = lit;
  ctx.beginPath();
  ctx.moveTo(0, -172);
  ctx.quadraticCurveTo(-34 - belly, -74, -66, -16);
  ctx.lineTo(0, -16);
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(9, -160);
  ctx.quadraticCurveTo(36 + belly, -80, 88, -14);
  ctx.quadraticCurveTo(40, -26, 9, -20);
  ctx.fill();
  ctx.fillStyle = 'rgba(20,16,44,.75)';
  ctx.font = `700 26px ${FONT}`;
  ctx.textAlign = 'center';
  ctx.fillText(String(BOATS.indexOf(boat) + 1), -24, -40);
}

function drawBuoy(t, y, runs, offset, scale, colour) {
  const span = WIDTH + 240, x = span - 120 - ((runs * span * t / LOOP_S + offset * span) % span);
  ctx.save();
  ctx.translate(x, y + 4 * wave(t, 11, offset));
  ctx.scale(scale, scale);
  ctx.rotate(0.12 * wave(t, 8, offset));
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(-20, 10);
  ctx.lineTo(-7, -44);
  ctx.lineTo(7, -44);
  ctx.lineTo(20, 10);
  ctx.fill();
  ctx.fillStyle = '#f4f1ff';
  ctx.fillRect(-14, -20, 28, 9);
  const on = wave(t, 24, offset) > 0;
  ctx.fillStyle = on ? '#fffbe0' : '#6b5f55';
  ctx.beginPath();
  ctx.arc(0, -52, 7, 0, 7);
  ctx.fill();
  if (on) {
    ctx.fillStyle = 'rgba(255,245,190,.2)';
    ctx.beginPath();
    ctx.arc(0, -52, 24, 0, 7);
    ctx.fill();
  }
  ctx.restore();
}

function panel(x, y, width, height) {
  ctx.fillStyle = 'rgba(8,12,34,.72)';
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, 12);
  ctx.fill();
}

/** Title, standings, lap clock; and the frame number as ten black or white cells that a program can read. */
function drawOverlay(t, frame) {
  panel(32, 28, 330, 64);
  ctx.textAlign = 'left';
  ctx.fillStyle = '#fff';
  ctx.font = `700 24px ${FONT}`;
  ctx.fillText('Harbour Night Regatta', 50, 58);
  ctx.fillStyle = '#b9c4ef';
  ctx.font = `500 16px ${FONT}`;
  ctx.fillText('Final · inner course · 夜航帆船赛', 50, 81);

  const order = [...BOATS].sort((a, b) => boatX(b, t) - boatX(a, t));
  panel(32, 106, 176, 132);
  order.forEach((boat, place) => {
    const y = 132 + place * 29;
    ctx.fillStyle = boat.sail;
    ctx.fillRect(48, y - 13, 6, 17);
    ctx.fillStyle = '#fff';
    ctx.font = `600 18px ${FONT}`;
    ctx.fillText(`${place + 1}  ${boat.name}`, 64, y + 2);
  });

  panel(WIDTH - 262, 28, 230, 82);
  const hundredths = Math.floor((frame * 100) / FPS);
  const clock = `00:${String(Math.floor(hundredths / 100)).padStart(2, '0')}.${String(hundredths % 100).padStart(2, '0')}`;
  ctx.fillStyle = '#b9c4ef';
  ctx.font = `600 14px ${FONT}`;
  ctx.fillText('LAP CLOCK', WIDTH - 244, 52);
  ctx.textAlign = 'right';
  ctx.fillText(`FRAME ${String(frame).padStart(3, '0')}`, WIDTH - 50, 52);
  ctx.fillStyle = '#fff';
  ctx.font = '700 40px "DejaVu Sans Mono", monospace';
  ctx.fillText(clock, WIDTH - 50, 96);

  for (let bit = 0; bit < 10; bit += 1) {
    ctx.fillStyle = (frame >> (9 - bit)) & 1 ? '#fff' : '#000';
    ctx.fillRect(WIDTH - 262 + bit * 23, 116, 23, 12);
  }
}

function draw(frame) {
  const t = frame / FPS;
  drawSky(t);
  drawFirework(t, 3, 520, 150, '#ffb3c1', 71);
  drawFirework(t, 4.1, 700, 130, '#9be7ff', 72);
  drawFirework(t, 14.5, 420, 120, '#ffe08a', 73);
  drawSkyline(t);
  drawSea(t);
  drawLighthouse(t);
  drawWaves(t, 448, 320, 3, 4, 'rgba(30,44,104,.55)');
  drawBuoy(t, 452, 1, 0.25, 0.45, '#e4572e');
  drawBoat(BOATS[0], t);
  drawWaves(t, 492, 400, 4, 5, 'rgba(26,40,98,.6)');
  drawBoat(BOATS[1], t);
  drawWaves(t, 546, 320, 6, 9, 'rgba(22,36,90,.6)');
  drawBuoy(t, 560, 2, 0.7, 0.75, '#2a9d8f');
  drawBoat(BOATS[2], t);
  drawWaves(t, 606, 426.67, 7, 9, 'rgba(17,30,80,.65)');
  drawBoat(BOATS[3], t);
  drawWaves(t, 676, 640, 9, 8, 'rgba(11,22,62,.8)');
  drawBuoy(t, 700, 3, 0.1, 1.3, '#e9c46a');
  drawOverlay(t, frame);
}

async function render() {
  for (let frame = 0; frame < FRAMES; frame += 1) {
    draw(frame);
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.97));
    await fetch('/frame', { method: 'POST', body: blob });
  }
  await fetch('/done', { method: 'POST' });
}

if (location.search === '?render') {
  void render();
} else {
  const step = (now) => {
    draw(Math.floor(now / 1000 * FPS) % FRAMES);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
