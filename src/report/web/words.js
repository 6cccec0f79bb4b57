// Numbers and points in words.
const group = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

export const number = (value) => (value === null || !Number.isFinite(value) ? '-' : group.format(value));

const place = (axis, value) => (axis.scale === 'category' ? axis.categories[value] : number(value));

function interval(series, i) {
  if (!series.low || series.mark === 'area' || series.mark === 'rects') return '';
  if (series.low[i] === null || series.low[i] === series.high[i]) return '';
  return ` (${number(series.low[i])} to ${number(series.high[i])})`;
}

export const describe = {
  point(chart, panel, series, i) {
    if (series.mark === 'rects' && series.labels) return `${panel.y.categories?.[series.y[i]] ?? ''}: ${series.labels[i]}`;
    const label = series.labels?.[i] ? `${series.labels[i]}: ` : '';
    const value = series.mark === 'area' ? series.high[i] - series.low[i] : series.y[i];
    const rows = panel.y.scale === 'category';
    const x = `${chart.x.label || 'x'} ${place(chart.x, series.x[i])}`;
    if (rows) return `${place(panel.y, series.y[i])}: ${number(series.x[i])}${interval(series, i)}${label ? `, ${series.labels[i]}` : ''}`;
    return `${series.name ? `${series.name}: ` : ''}${label}${x}, ${panel.y.label || 'y'} ${number(value)}${interval(series, i)}`;
  },
  cell(chart, cell) {
    const at = `${chart.x.categories[cell.x]}, ${chart.panels[0].y.categories[cell.y]}`;
    return `${at}: ${cell.value === null ? 'no figure' : number(cell.value)}${cell.note ? `; ${cell.note}` : ''}`;
  },
};
