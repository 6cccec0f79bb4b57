// Charts, those of one kind beside each other. A chart that changes keeps its place.
import { el } from './dom.js';

export class Pictures {
  constructor(place) {
    this.place = place;
    this.shown = new Map(); // "latency/0" → { handle, figure, heading, caption }
    this.rows = new Map(); // "latency" → element
  }

  // Those that follow every move: redrawn when there is time for it.
  estimated(answers, names) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (answers.tradeoff) this.put(answers.tradeoff, 0, ['']);
      answers.configs.forEach((config, i) => (config.charts || []).forEach((chart) => this.put(chart, i, names)));
    }, 60);
  }

  simulated(config, charts, first, names) {
    const fresh = new Set(charts.map((chart) => chart.name));
    for (const [key, { kind }] of this.shown)
      if (kind === 'simulated' && (first || key.endsWith(`/${config}`)) && !fresh.has(key.split('/')[0])) this.drop(key);
    for (const chart of charts) if (!this.isEstimate(chart.name)) this.put(chart, config, names, 'simulated');
  }

  isEstimate(name) {
    return ['roofline', 'breakdown', 'memory', 'tradeoff'].includes(name);
  }

  put(chart, config, names, kind = 'estimated') {
    const key = `${chart.name}/${config}`;
    let shown = this.shown.get(key);
    if (!shown) {
      const heading = el('h4', null);
      const figure = el('figure', { dataset: { chart: chart.name, config } });
      const caption = el('figcaption', null);
      figure.append(caption);
      const box = el('div', null, heading, figure);
      this.rowOf(chart).append(box);
      shown = { kind, box, heading, caption, handle: foretokenPage.drawWhenSeen(figure, chart) };
      foretokenPage.figures.push(shown.handle);
      this.shown.set(key, shown);
    } else {
      shown.handle.show(chart);
    }
    shown.heading.textContent = names.length > 1 ? names[config] : '';
    shown.caption.textContent = chart.caption;
  }

  rowOf(chart) {
    let row = this.rows.get(chart.name);
    if (!row) {
      row = el('div', { className: 'charts' });
      this.rows.set(chart.name, row);
      const heading = el('h3', null, chart.title);
      // What answers every move stands first, whatever came first.
      if (chart.name === 'tradeoff') this.place.firstElementChild.after(heading, row);
      else this.place.append(heading, row);
    }
    return row;
  }

  drop(key) {
    const shown = this.shown.get(key);
    shown.handle.forget();
    foretokenPage.figures.splice(foretokenPage.figures.indexOf(shown.handle), 1);
    shown.box.remove();
    this.shown.delete(key);
    const name = key.split('/')[0];
    const row = this.rows.get(name);
    if (row.children.length > 0) return;
    row.previousElementSibling.remove();
    row.remove();
    this.rows.delete(name);
  }

  forget() {
    for (const key of [...this.shown.keys()]) this.drop(key);
  }
}
