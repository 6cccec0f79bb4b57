// Uses the studio as a planner does, and holds what it shows against the command line: use_studio.mjs BROWSER PROGRAM SCENARIO
// ADDRESS WORK [AXE]
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Browser } from './chromium.mjs';

const [, , browserProgram, program, scenario, address, work, axe] = process.argv;
const failures = [];
const expect = (words, holds) => holds || failures.push(words);
const printed = (...args) => JSON.parse(execFileSync(program, [...args, '--format', 'json', '-q'], { encoding: 'utf8' }));

const page = await Browser.start(browserProgram, `${work}/profile`);
const done = () => page.until("document.getElementById('results').dataset.state === 'done'");
const value = (key, config = 0, section = 'simulated') =>
  page.look(`Number(document.querySelector('#${section} td[data-key="${key}"][data-config="${config}"]').dataset.value)`);
const type = (selector, text) => page.look(`(() => { const e = document.querySelector('${selector}'); e.value = ${JSON.stringify(text)};
  e.dispatchEvent(new Event('input', { bubbles: true })); e.dispatchEvent(new Event('change', { bubbles: true })); })()`);
const rate = '[data-path="workload.request_rate"]';

try {
  await page.size(1280, 900);
  await page.ask('Page.navigate', { url: address });
  await page.until("document.getElementById('results')");
  await done();

  // As it stands.
  const run = printed('run', scenario);
  expect('the figures of `run`', (await value('p99_ttft_ms')) === run.summary.p99_ttft_ms);
  expect('the floors of `explain`', (await value('floor_tpot_ms', 0, 'estimate')) === printed('explain', scenario).floors.tpot_ms);
  // They do when they are seen, which may be a moment after the figures are there.
  await page.until("document.querySelectorAll('figure.lives canvas').length >= 2");

  // Drag the rate: an answer at every move, a simulation when it is let go.
  const at = await page.middle(`${rate} input[type=range]`);
  const thumb = await page.look(`(() => { const e = document.querySelector('${rate} input[type=range]'); return e.value / e.max; })()`);
  const place = (share) => at.left + 8 + share * (at.width - 16);
  await page.mouse('mousePressed', place(thumb), at.y, 1);
  const latencies = [];
  for (let i = 1; i <= 12; i++) {
    const before = await page.look("Number(document.getElementById('estimate').dataset.answers)");
    const was = await page.look(`document.querySelector('${rate} input[type=range]').value`);
    await page.mouse('mouseMoved', place(thumb - 0.025 * i), at.y, 1);
    if ((await page.look(`document.querySelector('${rate} input[type=range]').value`)) === was) continue;
    await page.until(`Number(document.getElementById('estimate').dataset.answers) > ${before}`);
    latencies.push(Number(await page.look("document.getElementById('estimate').dataset.latency")));
    expect('nothing is simulated while it moves', (await page.look("document.getElementById('results').dataset.state")) === 'idle');
  }
  await page.mouse('mouseReleased', place(thumb - 0.3), at.y);
  await done();
  const dragged = await page.look(`document.querySelector('${rate} input[type=number]').valueAsNumber`);
  const faster = printed('run', scenario, '--set', `workload.request_rate=${dragged}`);
  expect(`the rate has moved, to ${dragged}`, dragged < run.config.workload.request_rate);
  for (const key of ['p99_ttft_ms', 'mean_tpot_ms', 'output_throughput'])
    expect(`${key} of \`run\` at ${dragged} requests/s`, (await value(key)) === faster.summary[key]);
  latencies.sort((a, b) => a - b);
  const median = latencies[Math.floor(latencies.length / 2)];
  expect(`${latencies.length} moves were answered`, latencies.length >= 6);
  // On a machine with nothing else to do it is a tenth of this (what it costs is tested in tests/unit/studio).
  expect(`a move is answered at once, not within ${latencies} ms`, latencies[0] < 300);

  // A second configuration, and the differences of `compare`.
  await page.look("[...document.querySelectorAll('#tabs button')].find((b) => b.textContent.includes('Compare')).click()");
  await type('[data-path="hardware.gpu"] select', 'l40s');
  await done();
  const set = ['--set', `workload.request_rate=${dragged}`];
  writeFileSync(`${work}/a.json`, JSON.stringify(printed('run', scenario, ...set).config));
  writeFileSync(`${work}/b.json`, JSON.stringify(printed('run', scenario, ...set, '--set', 'hardware.gpu=l40s').config));
  expect('the figures of the second', (await value('mean_tpot_ms', 1)) === printed('run', `${work}/b.json`).summary.mean_tpot_ms);
  const compared = printed('compare', `${work}/a.json`, `${work}/b.json`);
  const difference = Number(await page.look(`document.querySelector('#simulated td[data-key="mean_tpot_ms"][data-config="1"] .difference').dataset.difference`));
  expect('the differences of `compare`', difference === compared.metrics.mean_tpot_ms.difference.value);

  // What is saved is what was shown.
  const saved = (name) => page.look(`new Promise((got) => { const create = URL.createObjectURL;
    URL.createObjectURL = (blob) => { URL.createObjectURL = create; got(blob.text()); return create(blob); };
    [...document.querySelectorAll('#actions button')].find((b) => b.textContent === '${name}').click(); })`);
  writeFileSync(`${work}/saved.yaml`, await saved('Save scenario'));
  expect('the saved scenario', printed('run', `${work}/saved.yaml`).summary.p99_ttft_ms === (await value('p99_ttft_ms', 1)));
  expect('the saved report', (await saved('Save report')).includes('<section id="verdict"'));
  expect('the saved comparison', (await saved('Save comparison')).includes('compare'));

  // The address holds all of it.
  const here = await page.look('location.href');
  expect(`the address holds the state: ${here}`, here.includes('B.hardware.gpu=%22l40s%22'));
  await page.ask('Page.navigate', { url: 'about:blank' });
  await page.ask('Page.navigate', { url: here });
  await page.until("document.getElementById('results')");
  await done();
  expect('the rate after a reload', (await page.look(`document.querySelector('${rate} input[type=number]').valueAsNumber`)) === dragged);
  expect('the figures after a reload', (await value('p99_ttft_ms')) === faster.summary.p99_ttft_ms);
  expect('two columns after a reload', (await page.look("document.querySelectorAll('#simulated thead th').length")) === 3);

  // With a field that the page does not show by itself, something long, and its end.
  await page.look("document.querySelector('#add input').value = 'workload.num_prompts'; document.querySelector('#add button').click()");
  await type('[data-path="workload.num_prompts"] input[type=number]', '300000000');
  await page.until("document.getElementById('status').textContent.includes('of 300,000,000 requests')");
  await page.click('#cancel');
  await page.until("document.getElementById('status').textContent === 'Cancelled'");
  expect('it is over', (await page.look("document.getElementById('results').dataset.state")) === 'idle');
  await page.look(`document.querySelector('[data-path="workload.num_prompts"] .undo').click()`);
  await done();

  if (axe) {
    await page.look(readFileSync(axe, 'utf8') + '; 0');
    for (const theme of ['light', 'dark']) {
      const found = await page.look(`(async () => { document.documentElement.dataset.theme = '${theme}';
        document.querySelectorAll('details').forEach((d) => (d.open = true));
        const result = await axe.run(document, { resultTypes: ['violations'] });
        return result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
          .map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).join(', ')).join('; '); })()`);
      expect(`${theme}: ${found}`, found === '');
    }
  }
  for (const [name, theme, width] of [['light', 'light', 1280], ['dark', 'dark', 1280], ['narrow', 'light', 390]]) {
    await page.size(width, 900);
    await page.look(`while (document.documentElement.dataset.theme !== '${theme}') document.querySelector('#theme button').click()`);
    // Charts come to life when they are about to be seen.
    await page.until("(() => { const next = document.querySelector('figure:not(.lives)'); next?.scrollIntoView({ behavior: 'instant' }); return !next; })()", 10);
    await page.look("scrollTo({ top: 0, behavior: 'instant' })");
    expect(`${name}: nothing is wider than the page`, await page.look('document.documentElement.scrollWidth <= innerWidth'));
    await page.picture(`${work}/${name}.png`);
  }
  expect(`nothing on the console: ${page.said}`, page.said.length === 0);
  console.log(`A move is answered within ${median} ms (median of ${latencies.length}; the slowest ${latencies[latencies.length - 1]}).`);
} catch (error) {
  failures.push(error.stack);
}
page.end();
failures.forEach((words) => console.log(`FAILED: ${words}`));
process.exit(failures.length ? 1 : 0);
