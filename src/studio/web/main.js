// The studio: a move of a control is answered in closed form, its release by a simulation.
import { readState, writeState } from './state.js';
import { drawTabs, drawControls, showValues, addField } from './controls.js';
import { ask, follow, download } from './server.js';
import { fillTable } from './tables.js';
import { Pictures } from './pictures.js';
import { el } from './dom.js';

const given = JSON.parse(document.getElementById('given').textContent);
const byId = (id) => document.getElementById(id);
const pictures = new Pictures(byId('pictures'));
let state = readState();
let answers = null; // the latest estimate
let simulated = empty();
let running = null; // AbortController of the simulation

function empty() {
  return { rows: [], differences: [], warnings: [], stale: false, replications: 0 };
}
const body = () => ({ configs: state.configs.map((set) => ({ set })) });
const names = () => state.configs.map((_, i) => String.fromCharCode(65 + i));
const say = (text) => (byId('status').textContent = text);

// One question at a time; what moves meanwhile is asked about when the answer is there.
let asking = false;
let again = false;
let movedAt = 0;
async function estimate() {
  if (asking) return void (again = true);
  asking = true;
  const began = movedAt;
  try {
    answers = await ask('/estimate', body());
    showEstimate();
    if (began) byId('estimate').dataset.latency = (performance.now() - began).toFixed(1);
    byId('estimate').dataset.answers = Number(byId('estimate').dataset.answers || 0) + 1;
  } catch (error) {
    say(`No answer: ${error.message}`);
  }
  asking = false;
  if (again) {
    again = false;
    estimate();
  }
}

function showEstimate() {
  fillTable(byId('estimate').lastElementChild, answers.rows, names(), {});
  const lines = [];
  answers.configs.forEach((config, i) => {
    const name = state.configs.length > 1 ? `${names()[i]}: ` : '';
    if (config.problems) lines.push(el('p', { className: 'problem' }, name + config.problems));
    for (const text of config.impossible || []) lines.push(el('p', { className: 'problem' }, name + text));
    for (const text of config.warnings || []) lines.push(el('p', { className: 'note' }, name + text));
  });
  byId('messages').replaceChildren(...lines);
  showValues(state, given, answers.configs[state.active]?.values || {});
  pictures.estimated(answers, names());
}

function moved(now) {
  movedAt = performance.now();
  writeState(state);
  stop();
  simulated.stale = simulated.rows.length > 0;
  showSimulated();
  estimate();
  if (now) simulate();
}

function stop() {
  running?.abort();
  running = null;
  byId('progress').hidden = true;
  byId('results').dataset.state = 'idle';
}

async function simulate() {
  stop();
  const mine = new AbortController();
  running = mine;
  const fresh = empty();
  byId('results').dataset.state = 'simulating';
  byId('progress').hidden = false;
  byId('progress').removeAttribute('value');
  say('Simulating');
  let failed = '';
  try {
    await follow('/simulate', body(), mine.signal, (name, data) => {
      if (running !== mine) return;
      if (name === 'progress') tellProgress(data);
      if (name === 'failed') failed = data.problems;
      if (name === 'result') {
        fresh.rows[data.config] = data.rows;
        warn(fresh, data.warnings, data.config);
        simulated = fresh;
        pictures.simulated(data.config, data.charts, data.config === 0, names());
        showSimulated();
      }
      if (name === 'compared') {
        fresh.differences[data.config] = data.differences;
        fresh.replications = data.replications;
        warn(fresh, data.warnings, data.config, 'against A: ');
        showSimulated();
      }
    });
    if (running !== mine) return;
    stop();
    byId('results').dataset.state = 'done';
    say(failed ? `Not simulated: ${failed}` : 'Simulated');
  } catch (error) {
    if (running !== mine && error.name === 'AbortError') return;
    stop();
    say(error.name === 'AbortError' ? 'Cancelled' : `No answer: ${error.message}`);
  }
}

function warn(fresh, warnings, config, what = '') {
  const name = state.configs.length > 1 ? `${names()[config]}: ` : '';
  for (const text of warnings || []) fresh.warnings.push(name + what + text);
}

function tellProgress(data) {
  const bar = byId('progress');
  const of = data.expected ? ` of ${data.expected.toLocaleString('en')}` : '';
  if (data.expected) bar.value = Math.min(1, data.requests / data.expected);
  else bar.removeAttribute('value');
  say(`${names()[data.config]}, ${data.what}: ${data.requests.toLocaleString('en')}${of} requests`);
}

function showSimulated() {
  const rows = [];
  simulated.rows.forEach((list, config) => {
    for (const row of list || []) {
      let found = rows.find((r) => r.key === row.key);
      if (!found) rows.push((found = { key: row.key, label: row.label, cells: [] }));
      found.cells[config] = row.cells[0];
    }
  });
  fillTable(byId('simulated').lastElementChild, rows, names(), simulated);
}

function act(text, action) {
  const button = el('button', { type: 'button' }, text);
  button.addEventListener('click', action);
  return button;
}

async function saveAs(path, asked, type, name) {
  try {
    foretokenPage.save(name, type, await download(path, asked));
    say(`Saved ${name}`);
  } catch (error) {
    say(`Not saved: ${error.message}`);
  }
}

function drawActions() {
  const chosen = () => ({ configs: [body().configs[state.active]] });
  const name = () => names()[state.active];
  const both = () => ({ configs: [body().configs[0], body().configs[state.active || 1]] });
  const cancel = act('Cancel', () => {
    stop();
    say('Cancelled');
  });
  cancel.id = 'cancel';
  const list = [act('Simulate', simulate), cancel,
    act('Save scenario', () => saveAs('/export', chosen(), 'application/yaml', `studio-${name()}.yaml`)),
    act('Save report', () => saveAs('/report', chosen(), 'text/html', `studio-${name()}.html`))];
  if (state.configs.length > 1)
    list.push(act('Save comparison', () => saveAs('/report', both(), 'text/html', 'studio-comparison.html')));
  byId('actions').replaceChildren(...list);
}

function drawAll() {
  drawTabs(byId('tabs'), state, {
    choose: (i) => { state.active = i; drawAll(); writeState(state); },
    add: () => { state.configs.push({ ...state.configs[state.active] }); state.active = state.configs.length - 1; changeCount(); },
    remove: () => { state.configs.splice(state.active, 1); state.active = 0; changeCount(); },
  });
  drawControls(byId('controls'), given, state, moved);
  drawActions();
  if (answers) showValues(state, given, answers.configs[state.active]?.values || {});
}

function changeCount() {
  simulated = empty();
  pictures.forget();
  drawAll();
  moved(true);
}

for (const control of given.more) byId('fields').append(el('option', { value: control.path }, control.meaning));
byId('add').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = byId('add').querySelector('input');
  const why = addField(state, given, field.value.trim());
  if (why) return say(why);
  field.value = '';
  drawAll();
});
byId('controls').addEventListener('submit', (event) => event.preventDefault());
window.addEventListener('hashchange', () => {
  state = readState();
  changeCount();
});
drawAll();
estimate();
simulate();
