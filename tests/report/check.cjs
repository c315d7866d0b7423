// Opens a report from its file in Chromium, as from a mail, and uses it. Whatever the page says on the
// console, each error and each request beyond the file itself is a failure.
//
//   node check.cjs PART report.html

'use strict';

const assert = require('node:assert');
const { pathToFileURL } = require('node:url');
const { chromium } = require(process.env.TRAILSIFT_PLAYWRIGHT);

const [part, file] = process.argv.slice(2);
const address = pathToFileURL(file).href;

/** Opens the page, and watches what it does. */
async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error}`));
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== address) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  await page.waitForSelector('#table tbody tr');
  return { page, complaints };
}

const rows = (page) => page.locator('#table tbody tr').count();
const count = (page) => page.locator('#count').textContent();

/** Whether nothing sticks out to the right of the window. */
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

/** The contrast of an element's text to what is behind it, as WCAG has it. */
function contrast(page, selector) {
  return page.evaluate((wanted) => {
    const numbers = (color) => color.match(/[\d.]+/g).map(Number);
    const light = ([red, green, blue]) => {
      const linear = [red, green, blue].map((each) => each / 255).map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const element = document.querySelector(wanted);
    if (!element) return null;
    let behind = element;
    while (behind.parentElement && /, 0\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map((color) => light(numbers(color)));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }, selector);
}

async function readable(page) {
  for (const selector of ['body', '.more', '.quiet', 'th', '.badge.high', '.badge.medium', '.badge.low', '.badge.critical', '.link', 'nav a', '.type']) {
    const found = await contrast(page, selector);
    assert(found === null || found >= 4.5, `${selector} has a contrast of ${found}`);
  }
}

async function filterAndSort(page) {
  const all = await count(page);
  await page.fill('#f-text', 'storage-operator delete');
  assert.match(await count(page), / of /);
  for (const line of await page.locator('#table tbody tr').allTextContents()) assert.match(line, /storage-operator/i);
  await page.fill('#f-text', 'no such words anywhere');
  assert.equal(await page.locator('#table tbody').textContent(), 'No finding is like this.');
  await page.click('#filter button[type=reset]');
  assert.equal(await count(page), all);
  for (const label of ['critical', 'high', 'low']) await page.uncheck(`#filter input[value=${label}]`);
  const badges = await page.locator('#table .badge').allTextContents();
  assert(badges.length > 0 && badges.every((each) => each.startsWith('medium')), badges.join());
  await page.click('#filter button[type=reset]');
  await page.selectOption('#f-tactic', { index: 1 });
  assert.match(await count(page), / of /);
  await page.click('#filter button[type=reset]');
  await page.selectOption('#f-account', { index: 1 });
  assert.match(await count(page), / of /);
  await page.click('#filter button[type=reset]');
  await page.fill('#f-bucket', 'acme-backups');
  assert.match(await count(page), / of /);
  await page.click('#filter button[type=reset]');
  await page.locator('button.actor').first().click();
  const principal = await page.inputValue('#f-principal');
  assert.match(principal, /^arn:aws:iam::/);
  await page.click('#filter button[type=reset]');
  await page.click('th[data-sort=events] button');
  assert.equal(await page.getAttribute('th[data-sort=events]', 'aria-sort'), 'descending');
  const events = (await page.locator('#table td[data-label=Events]').allTextContents()).map((each) => Number(each.replace(/,/g, '')));
  assert.deepEqual(events, [...events].sort((a, b) => b - a));
  await page.click('th[data-sort=severity] button');
}

async function zoom(page) {
  const all = await count(page);
  await page.locator('#timeline-events').evaluate((chart) => chart.scrollIntoView({ block: 'center' }));
  const box = await page.locator('#timeline-events .u-over').boundingBox();
  await page.mouse.move(box.x + box.width * 0.9, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.98, box.y + 40, { steps: 4 });
  await page.mouse.up();
  assert.match(await page.locator('#unzoom').textContent(), /^only .*UTC: show all times$/);
  await page.click('#unzoom');
  assert.equal(await count(page), all);
  await page.locator('#stretches button').first().click();
  assert.match(await count(page), / of /, 'a stretch shows its findings only');
  await page.click('#zoom-in');
  await page.click('#later');
  await page.click('#earlier');
  await page.click('#zoom-out');
  await page.click('#zoom-all');
  assert.equal(await count(page), all);
  assert.match(await page.locator('#gap-words').textContent(), /hours .*no sign of safety/);
  await page.selectOption('#coverage-account', { index: 1 });
  await page.selectOption('#coverage-account', { index: 0 });
}

async function details(page) {
  const first = page.locator('#table tbody tr').first();
  const title = await first.locator('.title > span').first().textContent();
  await first.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#d-title').textContent(), title);
  const shown = await page.locator('#details').textContent();
  for (const word of ['Evidence', 'record ', 'ATT&CK', 'Observed', 'Expected', 'What to do', 'Related findings']) assert(shown.includes(word), word);
  await page.locator('#details .related button').first().click();
  assert.notEqual(await page.locator('#details .badge').first().textContent(), '');
  const named = new URL(page.url()).hash;
  assert.match(named, /^#finding=[0-9a-f]{32}$/);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#details').evaluate((dialog) => dialog.open), false);
  // The address follows in an event of its own; a name that is set before it is lost again.
  await page.waitForFunction(() => location.hash === '#findings');
  await page.evaluate((hash) => { location.hash = hash; }, named);
  await page.waitForSelector('#details[open]');
  const kept = await page.evaluate(async () => {
    const dialog = document.getElementById('details');
    const closed = new Promise((done) => { dialog.addEventListener('close', done, { once: true }); });
    dialog.close();
    document.querySelector('#table tbody tr').click();
    await closed;
    return location.hash;
  });
  assert.match(kept, /^#finding=/, 'closing one finding does not take the address of the next');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => location.hash === '#findings');
  await page.fill('#f-text', 'unusual');
  for (const line of await page.locator('#table tbody tr').all()) {
    await line.click();
    const meters = await page.locator('#details meter').count();
    await page.keyboard.press('Escape');
    if (meters > 0) break;
  }
  await page.click('#filter button[type=reset]');
}

async function print(page) {
  await page.emulateMedia({ media: 'print' });
  const paper = await page.pdf({ format: 'A4' });
  assert(paper.length > 20_000);
  // What was put on paper is taken off again.
  assert.equal(await page.locator('#printed article').count(), 0);
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  const all = Number((await count(page)).match(/^\d+/)[0]);
  assert.equal(await page.locator('#printed article').count(), all);
  assert(await page.locator('#printed article').first().isVisible());
  assert(!(await page.locator('#filter').isVisible()));
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  await page.emulateMedia({ media: 'screen' });
}

const parts = {
  async use(browser) {
    const { page, complaints } = await open(browser);
    assert(await fits(page));
    await readable(page);
    await filterAndSort(page);
    await zoom(page);
    await details(page);
    await print(page);
    const dark = await open(browser, { colorScheme: 'dark' });
    const background = await dark.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(background, 'rgb(15, 20, 25)');
    await readable(dark.page);
    const phone = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    assert(await fits(phone.page), 'the page is wider than a phone');
    await phone.page.locator('#table tbody tr').first().click();
    assert(await fits(phone.page), 'the details are wider than a phone');
    const still = await browser.newContext({ javaScriptEnabled: false });
    const plain = await still.newPage();
    await plain.goto(address);
    assert(await plain.locator('.actors tbody tr').count() > 5, 'actors are shown without scripts');
    return [complaints, dark.complaints, phone.complaints];
  },

  async zone(browser) {
    const { page, complaints } = await open(browser, { timezoneId: 'America/New_York' });
    const times = await page.locator('#table td.t').allTextContents();
    assert(times.length > 0 && times.every((each) => each.endsWith(' +02:00')), times.join());
    return [complaints];
  },

  async hostile(browser) {
    const { page, complaints } = await open(browser);
    const safe = async () => {
      assert.equal(await page.evaluate(() => window.harmed), undefined);
      assert.equal(await page.locator('img, svg, b:not(.tile b), i, iframe, object').count(), 0);
    };
    await safe();
    assert(await fits(page), 'long values make the page wide');
    await page.check('#f-hidden');
    const shown = await page.locator('#table').textContent();
    for (const value of ["<script>window.harmed='script'</script>", '"><img src=x onerror=']) assert(shown.includes(value), value);
    assert.match(shown, /suppressed/);
    for (let at = 0; at < await rows(page); at += 1) {
      await page.locator('#table tbody tr').nth(at).click();
      const width = await page.locator('#details').evaluate((dialog) => dialog.scrollWidth <= dialog.clientWidth);
      assert(width, 'a long value makes the details wide');
      assert((await page.locator('#details').textContent()).includes('\\u{202e}'), 'what reorders text is shown');
      await safe();
      await page.keyboard.press('Escape');
    }
    await page.fill('#f-text', '<img');
    assert(await rows(page) > 0, 'hostile values can be looked for');
    await page.locator('#timeline-findings').evaluate((chart) => chart.scrollIntoView({ block: 'center' }));
    const box = await page.locator('#timeline-findings .u-over').boundingBox();
    for (let x = 0; x < box.width; x += 40) await page.mouse.move(box.x + x, box.y + 60);
    await page.pdf();
    await safe();
    // The policy itself holds: what an attacker would need is refused.
    const refused = await page.evaluate(() => {
      try {
        document.body.innerHTML = '<p>';
        return false;
      } catch (error) {
        return error instanceof TypeError;
      }
    });
    assert(refused, 'text can become HTML');
    return [complaints.filter((each) => !each.includes('TrustedHTML'))];
  },

  async many(browser) {
    const { page, complaints } = await open(browser);
    assert.equal(await count(page), '50,000 findings');
    assert.equal(await rows(page), 50);
    const spent = await page.evaluate(() => {
      const times = {};
      for (const [name, words] of [['first search', 'storage'], ['search', 'u4711'], ['all', '']]) {
        document.getElementById('f-text').value = words;
        readForm();
        let start = performance.now();
        matching();
        times[name] = performance.now() - start;
        start = performance.now();
        refresh();
        times[`${name}, drawn`] = performance.now() - start;
      }
      return times;
    });
    for (const [what, time] of Object.entries(spent)) console.log(`50,000 findings, ${what}: ${time.toFixed(1)} ms`);
    await page.fill('#f-text', 'user/u4711');
    assert.match(await count(page), /^10 of 50,000 findings$/);
    await page.click('#filter button[type=reset]');
    await page.click('th[data-sort=principal] button');
    await page.click('#page-on');
    assert.match(await page.locator('#page-number').textContent(), /^page 2 of 1,000$/);
    await page.locator('#table tbody tr').nth(3).click();
    assert(await page.locator('#details').isVisible());
    await page.keyboard.press('Escape');
    await page.pdf();
    return [complaints];
  },
};

async function main() {
  const browser = await chromium.launch({ executablePath: process.env.TRAILSIFT_CHROMIUM, args: ['--no-sandbox'] });
  try {
    const complaints = (await parts[part](browser)).flat();
    assert.deepEqual(complaints, [], 'the page complains, or asks for more');
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
