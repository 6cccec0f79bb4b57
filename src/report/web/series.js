// Lines, dots, bars and areas of one panel.
const DASHES = ['solid', [8, 3], [3, 3], [9, 3, 2, 3], [12, 4], [5, 2, 1, 2], [2, 2], 'solid'];
const SYMBOLS = ['circle', 'triangle', 'rect', 'diamond'];

export const idOf = (panel, series, part = '') => `${panel}/${series}${part ? `/${part}` : ''}`;

function outline(series) {
  const at = (bound, i) => (series.alongX ? [bound[i], series.y[i]] : [series.x[i], bound[i]]);
  const known = series.x.map((_, i) => i).filter((i) => series.low[i] !== null && series.high[i] !== null);
  return [...known.map((i) => at(series.low, i)), ...known.reverse().map((i) => at(series.high, i))];
}

function band(common, series, color) {
  const points = outline(series);
  return {
    ...common, type: 'custom', silent: true, clip: true, tooltip: { show: false },
    data: points,
    renderItem: (params, api) => params.dataIndexInside > 0 ? null : {
      type: 'polygon',
      shape: { points: points.map((p) => api.coord(p)) },
      style: { fill: color, opacity: 0.18 },
    },
  };
}

function intervals(common, series, color) {
  const cap = 4;
  return {
    ...common, type: 'custom', silent: true, clip: true, tooltip: { show: false },
    data: series.x.map((x, i) => [x, series.y[i], series.low[i], series.high[i]]),
    encode: series.alongX ? { x: 0, y: 1 } : { x: 0, y: 1 },
    renderItem: (_, api) => {
      const [x, y, low, high] = [0, 1, 2, 3].map((d) => api.value(d));
      if (!(low <= high)) return null;
      const a = api.coord(series.alongX ? [low, y] : [x, low]);
      const b = api.coord(series.alongX ? [high, y] : [x, high]);
      const d = series.alongX ? [0, cap] : [cap, 0];
      const line = (p, q) => ({ type: 'line', shape: { x1: p[0], y1: p[1], x2: q[0], y2: q[1] }, style: { stroke: color, lineWidth: 1.5 } });
      return { type: 'group', children: [line(a, b),
        line([a[0] - d[0], a[1] - d[1]], [a[0] + d[0], a[1] + d[1]]),
        line([b[0] - d[0], b[1] - d[1]], [b[0] + d[0], b[1] + d[1]])] };
    },
  };
}

function rects(common, series, color, ground) {
  return {
    ...common, type: 'custom', clip: true, itemStyle: { color },
    data: series.low.map((low, i) => [low, series.y[i], series.high[i]]),
    encode: { x: [0, 2], y: 1 },
    renderItem: (_, api) => {
      const a = api.coord([api.value(0), api.value(1)]);
      const b = api.coord([api.value(2), api.value(1)]);
      const room = api.size([0, 1])[1];
      const height = room * (room > 10 ? 0.72 : 0.9);
      return {
        type: 'rect',
        shape: { x: Math.min(a[0], b[0]), y: a[1] - height / 2, width: Math.max(0.6, Math.abs(b[0] - a[0])), height },
        style: { fill: color, stroke: ground, lineWidth: 0.5 },
      };
    },
  };
}

function rulesOf(panel, theme) {
  return {
    silent: true, symbol: 'none', animation: false,
    lineStyle: { color: theme.ink, type: [6, 4], width: 1.5 },
    label: { color: theme.ink, fontSize: 12, backgroundColor: theme.ground, padding: 2 },
    data: panel.rules.filter((rule) => rule.at !== null).map((rule, i) => ({
      [rule.vertical ? 'xAxis' : 'yAxis']: rule.at,
      label: { formatter: rule.label, show: rule.label !== '', rotate: 0,
        position: rule.vertical ? (panel.y.scale === 'category' ? 'start' : 'end') : 'insideEndTop', distance: rule.vertical ? [0, -14 - 16 * (i % 4)] : 4 },
    })),
  };
}

// Beside the dot: at its left where there is no room at its right.
function besideDot({ rect, labelRect }, width) {
  const over = labelRect.x + labelRect.width > width;
  return { hideOverlap: true, dx: over ? rect.x - 5 - labelRect.width - labelRect.x : 0 };
}

export function seriesOf(chart, panel, index, theme, width) {
  const out = [];
  panel.series.forEach((series, i) => {
    const color = theme.series[series.color % theme.series.length];
    series.id = idOf(index, i);
    const common = { name: series.name, xAxisIndex: index, yAxisIndex: index, color };
    const points = series.x.map((x, k) => [x, series.y[k]]);
    if (series.mark === 'line') {
      if (series.low && series.low.some((low, k) => low !== series.high[k])) out.push(band({ ...common, id: idOf(index, i, 'band') }, series, color));
      out.push({ ...common, id: series.id, type: 'line', data: points, showSymbol: points.length <= 40 && !series.dashed && !series.plain,
        symbol: 'circle', symbolSize: 6, itemStyle: { color },
        lineStyle: { color, width: 2, type: series.dashed ? [5, 4] : DASHES[series.color % 8] } });
    } else if (series.mark === 'dots') {
      if (series.low) out.push(intervals({ ...common, id: idOf(index, i, 'interval') }, series, color));
      out.push({ ...common, id: series.id, type: 'scatter', data: points, symbol: SYMBOLS[series.color % 4], symbolSize: 11,
        itemStyle: series.hollow ? { color: theme.ground, borderColor: color, borderWidth: 2 } : { color },
        label: { show: Boolean(series.showLabels), position: series.alongX ? 'top' : 'right', color: theme.ink, fontSize: 11,
          formatter: (p) => series.labels?.[p.dataIndex] ?? '' },
        labelLayout: (label) => besideDot(label, width) });
    } else if (series.mark === 'columns') {
      out.push({ ...common, id: series.id, type: 'bar', data: points, barWidth: chart.x.scale === 'category' ? undefined : 3, itemStyle: { color } });
    } else if (series.mark === 'area') {
      out.push({ ...common, id: series.id, type: 'line', stack: `panel ${index}`, symbol: 'none', lineStyle: { width: 0 },
        areaStyle: { color, opacity: 0.75 }, itemStyle: { color },
        data: series.x.map((x, k) => [x, series.high[k] - series.low[k]]) });
    } else {
      out.push(rects({ ...common, id: series.id }, series, color, theme.ground));
    }
  });
  if (panel.rules.length) out.push({ type: 'line', id: idOf(index, 'rules'), xAxisIndex: index, yAxisIndex: index, data: [],
    silent: true, markLine: rulesOf(panel, theme) });
  return out;
}
