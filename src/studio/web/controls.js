// Inputs from the list of controls. Each shows what holds, bold where this configuration says it itself.
import { el } from './dom.js';

export function drawTabs(place, state, on) {
  const buttons = state.configs.map((_, i) => {
    const button = el('button', { type: 'button', attributes: { 'aria-pressed': i === state.active } },
      `Configuration ${String.fromCharCode(65 + i)}`);
    button.addEventListener('click', () => on.choose(i));
    return button;
  });
  const extra = (text, action) => {
    const button = el('button', { type: 'button' }, text);
    button.addEventListener('click', action);
    buttons.push(button);
  };
  if (state.configs.length < state.most) extra('+ Compare with', on.add);
  if (state.active > 0) extra('Remove', on.remove);
  place.replaceChildren(...buttons);
}

const setOf = (state) => state.configs[state.active];
const nearest = (steps, value) =>
  steps.reduce((best, step, i) => (Math.abs(step - value) < Math.abs(steps[best] - value) ? i : best), 0);
const idOf = (path) => `c-${path.replaceAll('.', '-')}`;

// The field's value in this configuration changes; the release of a control starts a simulation.
function change(state, control, value, moved, released) {
  setOf(state)[control.path] = value;
  mark(state, control);
  moved(released);
}

function mark(state, control) {
  const box = document.querySelector(`[data-path="${control.path}"]`);
  const own = control.path in setOf(state);
  box?.querySelector('label').classList.toggle('changed', own);
  const undo = box?.querySelector('.undo');
  if (undo) undo.hidden = !own;
}

function numberInputs(control, state, moved) {
  const inputs = [];
  const box = el('input', { type: 'number', id: idOf(control.path), step: control.kind === 'integer' ? 1 : 'any',
    title: control.allowed || '' });
  if (control.steps?.length > 1) {
    const slider = el('input', { type: 'range', min: 0, max: control.steps.length - 1, step: 1,
      attributes: { 'aria-label': control.label } });
    slider.addEventListener('input', () => {
      const value = control.steps[slider.value];
      box.value = value;
      slider.setAttribute('aria-valuetext', value);
      change(state, control, value, moved, false);
    });
    slider.addEventListener('change', () => moved(true));
    inputs.push(slider);
  }
  box.addEventListener('change', () => {
    if (box.value === '' || !Number.isFinite(box.valueAsNumber)) return;
    change(state, control, box.valueAsNumber, moved, true);
  });
  inputs.push(box);
  return el('div', { className: 'pair' }, ...inputs);
}

function inputFor(control, state, moved) {
  const id = idOf(control.path);
  if (control.kind === 'integer' || control.kind === 'number') return numberInputs(control, state, moved);
  let input;
  let read = () => input.value;
  if (control.kind === 'choice') {
    input = el('select', { id }, ...control.choices.map((choice) => el('option', { value: choice }, choice)));
  } else if (control.kind === 'flag') {
    input = el('input', { id, type: 'checkbox' });
    read = () => input.checked;
  } else if (control.kind === 'lines') {
    input = el('textarea', { id, spellcheck: false, placeholder: 'p99_ttft <= 500 ms' });
    read = () => input.value.split('\n').map((line) => line.trim()).filter(Boolean);
  } else {
    input = el('input', { id, type: 'text' });
  }
  input.addEventListener('change', () => change(state, control, read(), moved, true));
  return input;
}

function draw(control, state, moved) {
  const undo = el('button', { type: 'button', className: 'undo', hidden: true,
    attributes: { 'aria-label': `undo ${control.label}` } }, 'undo');
  const parts = [el('label', { htmlFor: idOf(control.path), title: control.meaning }, control.label), undo];
  const head = el('div', { className: 'pair' }, ...parts);
  const box = el('div', { className: 'control', dataset: { path: control.path } }, head, inputFor(control, state, moved));
  undo.addEventListener('click', () => {
    delete setOf(state)[control.path];
    mark(state, control);
    moved(true);
  });
  return box;
}

const everyControl = (given, state) => [
  ...given.groups.flatMap((group) => group.controls),
  ...given.more.filter((c) => state.added.includes(c.path)),
];

export function drawControls(place, given, state, moved) {
  const usual = new Set(given.groups.flatMap((group) => group.controls.map((c) => c.path)));
  for (const set of state.configs)
    for (const path of Object.keys(set))
      if (!usual.has(path) && !state.added.includes(path) && given.more.some((c) => c.path === path)) state.added.push(path);
  const groups = given.groups.map((group) => [group.name, group.controls]);
  if (state.added.length) groups.push(['Also', given.more.filter((c) => state.added.includes(c.path))]);
  place.replaceChildren(...groups.map(([name, controls]) =>
    el('fieldset', null, el('legend', null, name), ...controls.map((control) => draw(control, state, moved)))));
  showValues(state, given, {});
}

// What holds: the configuration's own value, or what follows from the rest.
export function showValues(state, given, values) {
  for (const control of everyControl(given, state)) {
    mark(state, control);
    const box = document.querySelector(`[data-path="${control.path}"]`);
    const own = setOf(state)[control.path];
    const value = own !== undefined ? own : control.path in values ? values[control.path] : control.value;
    if (!box || value === null) continue;
    const input = box.querySelector('select, textarea, input:not([type=range])');
    if (input === document.activeElement) continue; // somebody types in it
    if (control.kind === 'flag') input.checked = value;
    else if (control.kind === 'lines') input.value = value.join('\n');
    else input.value = value;
    const slider = box.querySelector('input[type=range]');
    if (slider) {
      slider.value = nearest(control.steps, value);
      slider.setAttribute('aria-valuetext', value);
    }
  }
}

// Why it cannot be added; empty when it was.
export function addField(state, given, path) {
  if (!path) return 'Name a field, such as engine.block_size';
  if (document.querySelector(`[data-path="${CSS.escape(path)}"]`)) return `${path} is there already`;
  if (!given.more.some((c) => c.path === path)) return `There is no field ${path} that a control can move`;
  state.added.push(path);
  return '';
}
