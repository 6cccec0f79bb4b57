// A row per figure, a column per configuration; under a figure its difference to the first configuration.
import { el } from './dom.js';

const DIFFERENCE = 'on the same random numbers, with a 95 % interval';

function cellOf(row, config, given) {
  const cell = row.cells[config];
  const td = el('td', { className: cell?.tone || '', dataset: { key: row.key, config } }, cell ? cell.text : '');
  if (cell && cell.value !== undefined) td.dataset.value = cell.value;
  const difference = given.differences?.[config]?.[row.key];
  if (difference) {
    const mark = difference.sure ? '' : ' (may be chance)';
    td.append(el('span', { className: difference.sure ? 'difference sure' : 'difference', title: DIFFERENCE,
      dataset: { difference: difference.value } }, `${difference.text} to A${mark}`));
  }
  return td;
}

export function fillTable(place, rows, names, given) {
  if (rows.length === 0) return place.replaceChildren(el('p', { className: 'note' }, 'Nothing yet.'));
  const head = el('tr', null, el('th', { scope: 'col' }, 'figure'),
    ...names.map((name) => el('th', { scope: 'col' }, names.length > 1 ? name : 'value')));
  const body = rows.map((row) =>
    el('tr', null, el('th', { scope: 'row' }, row.label), ...names.map((_, i) => cellOf(row, i, given))));
  const table = el('table', { className: given.stale ? 'stale' : '' }, el('thead', null, head), el('tbody', null, ...body));
  const parts = [el('div', { className: 'scroll', tabIndex: 0, attributes: { role: 'region', 'aria-label': 'Figures' } }, table)];
  if (given.stale) parts.unshift(el('p', { className: 'note' }, 'Of the settings before.'));
  if (given.differences?.some(Boolean))
    parts.push(el('p', { className: 'note' },
      `Below a figure: its difference to A over ${given.replications} runs ${DIFFERENCE}.`));
  for (const text of given.warnings || []) parts.push(el('p', { className: 'note' }, text));
  place.replaceChildren(...parts);
}
