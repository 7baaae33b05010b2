/**
 * Looks at a running Weft's page in headless Chromium: `node overview/look.mjs http://127.0.0.1:8077 [folder]`.
 *
 * It takes the demo's site for granted (324 hosts, node200 vanished, job 4711 runs), uses the page as a person does, and
 * ends with 1 when something is not as it should be. Pictures go to the folder, where one is named. CHROMIUM names another
 * browser than Debian's.
 */

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [url, folder] = process.argv.slice(2);
const failures = [];
const say = (text) => failures.push(text);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  await live();
  await small();
} finally {
  await browser.close();
}
failures.forEach((failure) => console.error(failure));
process.exitCode = failures.length ? 1 : 0;

async function open(options) {
  const page = await browser.newPage(options);
  page.on('pageerror', (error) => say(`An error in the page: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && say(`The console says: ${message.text()}`));
  page.on('request', (request) => request.url().startsWith(url) || say(`A request elsewhere: ${request.url()}`));
  page.on('response', (answer) => answer.status() >= 400 && say(`${answer.status()} for ${answer.url()}`));
  await page.goto(url);
  await expectText(page, '#ov-legend', /GB\/s|MB\/s/);
  return page;
}

async function expectText(page, selector, wanted, absent = false) {
  const holds = async () => wanted.test((await page.locator(selector).textContent()) ?? '') !== absent;
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) {
      return;
    }
    await page.waitForTimeout(100);
  }
  say(`${selector} ${absent ? 'still says' : 'does not say'} ${wanted}: ${await page.locator(selector).textContent()}`);
}

async function keep(page, name) {
  if (folder) {
    mkdirSync(folder, { recursive: true });
    await page.waitForTimeout(400);
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
  }
}

/** How many colours the picture has: an empty canvas has one. */
function colours(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('#ov-stage canvas');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4 * 97) {
      seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
    }
    return seen.size;
  });
}

async function live() {
  const page = await open({ viewport: { width: 1600, height: 900 }, colorScheme: 'dark', reducedMotion: 'reduce' });
  if ((await colours(page)) < 20) {
    say('The picture is empty.');
  }
  await expectText(page, '#ov-troubles', /node200.*vanished|vanished.*node200/);
  await expectText(page, '#ov-troubles', /below its like/);
  await expectText(page, '#ov-changes', /node200 mlx5_0 vanished from leaf12\/2/);
  await keep(page, 'live-dark');

  await page.locator('#ov-jobs button', { hasText: '4711' }).click();
  await expectText(page, '#ov-legend', /Job 4711: (crosses|may cross) it/);
  await expectText(page, '#ov-jobs [aria-pressed="true"]', /16 hosts in the picture/);
  await keep(page, 'job-dark');
  await page.locator('#ov-jobs [aria-pressed="true"]').click();
  await expectText(page, '#ov-legend', /Job 4711/, true);

  // By keyboard alone: find a host, read about it, go back to the whole picture.
  await page.locator('#ov-find').focus();
  await page.keyboard.type('node200');
  await page.keyboard.press('Enter');
  await expectText(page, '#ov-details', /node200.*vanished, last seen/);
  await keep(page, 'found-dark');
  await page.locator('#ov-stage canvas').last().focus();
  await page.keyboard.press('0');

  // Before it vanished: nothing of it is told, and jobs of that time are.
  await page.locator('#ov-changes button', { hasText: /Cable \w+ is leaf01/ }).click();
  await expectText(page, '#ov-jobs-title', /Jobs that ran then/);
  await expectText(page, '#ov-legend', /vanished/, true);
  await expectText(page, '#ov-when', /^at .* UTC, .* ago/);
  await page.locator('#ov-fit').click();
  await expectText(page, '#ov-legend', /B\/s/);
  await keep(page, 'past-dark');
  await page.locator('#ov-live').click();
  await expectText(page, '#ov-legend', /1 host vanished/);

  await page.selectOption('#ov-values', 'errors');
  await expectText(page, '#ov-legend', /errors/);
  await page.locator('#ov-hosts').uncheck();
  await keep(page, 'errors-folded-dark');
  await page.close();
}

async function small() {
  const page = await open({ viewport: { width: 800, height: 1000 }, colorScheme: 'light' });
  await keep(page, 'small-light');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) {
    say(`At 800 px the page is ${wide} px too wide.`);
  }
  const box = await page.locator('#ov-stage').boundingBox();
  for (let step = 1; step < 30 && !(await page.locator('.tip').isVisible()); step++) {
    await page.mouse.move(box.x + (box.width * step) / 30, box.y + box.height * 0.5);
  }
  await expectText(page, '.tip', /node|leaf|spine/);
  await keep(page, 'hover-light');
  await page.close();
}
