/**
 * Draws fabrics in headless Chromium, measures and looks at the pictures: `npm run harness`.
 *
 * Prints a row for each size, keeps the pictures in harness/out, and ends with 1 when a bar or a check does not hold.
 * CHROMIUM names another browser than Debian's; PICTURES=only draws without measuring; BARS=told measures once and judges
 * no time, for machines that do other work meanwhile.
 */

import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import webpack from 'webpack';
import config from './webpack.config.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, 'out');
const SIZE = { width: 1600, height: 900 };
const STEPS = 240;
const JUDGED = process.env.BARS !== 'told';
/** The best of so many loads counts: the bars are about this code, not about what else the machine does. */
const LOADS = JUDGED ? 5 : 1;

/** Seconds to the first picture; milliseconds of script in 95 of 100 frames, null: only told. */
const BARS = [
  { hosts: 324, firstMs: 300, frameMs: null },
  { hosts: 3000, firstMs: 1000, frameMs: 16 },
  { hosts: 12000, firstMs: 3000, frameMs: null },
];

/**
 * What is in the picture of so many hosts: by hand, 18 hosts a leaf, 18 leaves a pod. 324: 9 spines, two cables each to 18
 * leaves. Above: 18 spines a pod, one cable to each of its leaves, 18 up to the cores, two by two while 18 pods are enough.
 */
const SCENES = [
  { hosts: 324, switches: 18 + 9, lines: 324 + 18 * 9 * 2, vanished: 3, down: 2 },
  { hosts: 3000, switches: 167 + 180 + 162, lines: 3000 + 167 * 18 + 180 * 18, vanished: 3, down: 2 },
  { hosts: 12000, switches: 667 + 684 + 324, lines: 12000 + 667 * 18 + 684 * 18, vanished: 3, down: 2 },
];

const PICTURES = [
  ['tree-324-dark', 'hosts=324&values=traffic'],
  ['tree-324-light-errors', 'hosts=324&values=errors&theme=light'],
  ['tree-324-dark-run', 'hosts=324&values=traffic&run=1'],
  ['tree-3000-light', 'hosts=3000&values=traffic&theme=light'],
  ['tree-3000-dark-run', 'hosts=3000&run=1'],
  ['tree-3000-dark-folded', 'hosts=3000&values=traffic&fold=1'],
  ['tree-12000-dark', 'hosts=12000&values=traffic'],
  ['tree-12000-light-folded', 'hosts=12000&values=traffic&fold=1&theme=light'],
  ['torus-light', 'fabric=torus&values=traffic&theme=light'],
  ['dragonfly-dark', 'fabric=dragonfly'],
  ['rails-dark', 'fabric=rails&values=traffic'],
  ['islands-light', 'fabric=islands&theme=light'],
];

const failures = [];

await build();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const page = await browser.newPage({ viewport: SIZE });
  page.on('pageerror', (error) => failures.push(`An error in the page: ${error.message}`));
  if (process.env.PICTURES !== 'only') {
    for (const bar of BARS) {
      await measure(page, bar);
    }
    for (const scene of SCENES) {
      await check(page, 'dark', [17, 18, 23], scene);
      await check(page, 'light', [255, 255, 255], scene);
    }
  }
  for (const [name, query] of PICTURES) {
    await open(page, query);
    await page.screenshot({ path: path.join(out, `${name}.png`) });
  }
} finally {
  await browser.close();
}
console.log(`${PICTURES.length} pictures in ${path.relative(process.cwd(), out)}`);
failures.forEach((failure) => console.error(failure));
process.exitCode = failures.length ? 1 : 0;

async function build() {
  const stats = await new Promise((resolve, reject) =>
    webpack(config, (error, done) => (error ? reject(error) : resolve(done)))
  );
  if (stats.hasErrors()) {
    throw new Error(stats.toString('errors-only'));
  }
  copyFileSync(path.join(here, 'index.html'), path.join(out, 'index.html'));
  const bytes = gzipSync(readFileSync(path.join(out, 'page.js'))).length;
  console.log(`drawing core with the harness: ${(bytes / 1000).toFixed(1)} kB gzipped`);
}

async function open(page, query) {
  await page.goto(`${pathToFileURL(path.join(out, 'index.html'))}?${query}`);
  return page.evaluate(async () => {
    const { firstMs, readMs } = await window.harness.ready;
    return { firstMs, readMs };
  });
}

async function measure(page, { hosts, firstMs, frameMs }) {
  const firsts = [];
  for (let load = 0; load < LOADS; load++) {
    firsts.push((await open(page, `hosts=${hosts}&values=traffic`)).firstMs);
  }
  const first = Math.min(...firsts);
  const { script, between } = await page.evaluate((steps) => window.harness.drive(steps), STEPS);
  const [frame, pace] = [percentile(script, 0.95), percentile(between, 0.95)];
  console.log(
    `${hosts} hosts: first picture ${Math.round(first)} ms (bar ${firstMs}; median ${Math.round(percentile(firsts, 0.5))}), ` +
      `script of a frame ${frame.toFixed(1)} ms at the 95th percentile` +
      `${frameMs ? ` (bar ${frameMs})` : ''}, ${Math.max(...script).toFixed(1)} in the slowest, from frame to frame ${Math.round(pace)} ms`
  );
  if (JUDGED && first > firstMs) {
    failures.push(`The first picture of ${hosts} hosts took ${Math.round(first)} ms, more than ${firstMs}.`);
  }
  if (JUDGED && frameMs && frame > frameMs) {
    failures.push(`A frame of ${hosts} hosts takes ${frame.toFixed(1)} ms of script, more than ${frameMs}.`);
  }
}

function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The scene has all there is, and what it says is drawn is what the pixels show: hosts, one that is gone, links down. */
async function check(page, theme, background, expected) {
  await open(page, `hosts=${expected.hosts}&values=traffic&theme=${theme}`);
  const found = await page.evaluate(() => {
    const { view } = window.harness;
    const { scene } = view;
    const canvas = document.querySelector('canvas');
    const context = canvas.getContext('2d');
    const density = canvas.width / canvas.clientWidth;
    const at = (x, y) => {
      const { viewport } = view;
      const [px, py] = [x * viewport.scale + viewport.x, y * viewport.scale + viewport.y];
      return [...context.getImageData(Math.round(px * density), Math.round(py * density), 1, 1).data].slice(0, 3);
    };
    const hosts = scene.nodes.filter((node) => node.kind === 'host' && node.fill);
    const marked = new Set(scene.marks.flatMap((mark) => ('node' in mark.of ? [mark.of.node] : [])));
    const clear = hosts.filter((node) => !marked.has(node.node));
    const marks = scene.marks
      .filter((mark) => mark.kind === 'vanished' || mark.kind === 'down')
      .map((mark) => {
        const { scale } = view.viewport;
        const x = scale >= 20 ? mark.aside : mark.x;
        const radius = Math.min(11, Math.max(6.5, scale * 0.42)) / scale;
        return { kind: mark.kind, told: mark.color, seen: at(x, mark.y + radius * 0.75) };
      });
    const corner = [...context.getImageData(1, 1, 1, 1).data].slice(0, 3);
    // From near: among 12,000 a host is smaller than a pixel.
    view.setCalm(true);
    const near = clear
      .filter((_, i) => i % Math.ceil(clear.length / 12) === 0)
      .map((node) => {
        view.focus(node.node);
        view.paintNow();
        return { told: node.fill, seen: at(node.x + node.w - 0.1, node.y + 0.1) };
      });
    return {
      counts: {
        switches: scene.nodes.filter((node) => node.kind === 'switch').length,
        hosts: scene.nodes.filter((node) => node.kind === 'host').length,
        lines: scene.lines.length,
        vanished: scene.marks.filter((mark) => mark.kind === 'vanished').length,
        down: scene.marks.filter((mark) => mark.kind === 'down').length,
      },
      corner,
      hosts: near,
      marks,
    };
  });
  for (const [what, count] of Object.entries(expected)) {
    if (found.counts[what] !== count) {
      failures.push(`${expected.hosts} ${theme}: the scene has ${found.counts[what]} ${what}, not ${count}.`);
    }
  }
  const pixels = [
    {
      what: 'background',
      told: `#${background.map((one) => one.toString(16).padStart(2, '0')).join('')}`,
      seen: found.corner,
    },
    ...found.hosts.map((host) => ({ what: 'host', ...host })),
    ...found.marks.map((mark) => ({ what: mark.kind, ...mark })),
  ];
  for (const { what, told, seen } of pixels) {
    const wanted = [1, 3, 5].map((from) => parseInt(told.slice(from, from + 2), 16));
    if (wanted.some((value, i) => Math.abs(value - seen[i]) > 8)) {
      failures.push(`${expected.hosts} ${theme}: a ${what} is told as ${told} and seen as rgb(${seen.join(', ')}).`);
    }
  }
  console.log(`${expected.hosts} hosts, ${theme}: ${pixels.length} pixels compared with the scene`);
}
