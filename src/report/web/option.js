// A chart as the library wants it: panels below each other on one x axis.
import { seriesOf } from './series.js';
import { cellsOf } from './cells.js';
import { describe, number } from './words.js';

const LEGEND_ROW = 24;

const rowsOf = (panel) => (panel.y.scale === 'category' ? panel.y.categories.length : 0);

function panelHeight(chart, panel, narrow) {
  const rows = rowsOf(panel);
  if (rows) return Math.max(60, rows * (rows > 30 ? 9 : 27));
  if (chart.panels.length === 1) return narrow ? 280 : 360;
  return chart.panels.length === 2 ? 210 : 150;
}

const namesOf = (chart) => [...new Set(chart.panels.flatMap((p) => p.series.map((s) => s.name)).filter(Boolean))];

// Room for the names above the panels, whatever the width.
function legendHeight(chart, narrow) {
  const names = namesOf(chart);
  if (names.length < 2) return 8;
  const letters = names.reduce((sum, name) => sum + name.length + 7, 0);
  return 14 + LEGEND_ROW * Math.ceil((letters * 7) / (narrow ? 320 : 900));
}

const below = (chart) => (chart.zoom ? 92 : 54);

export function heightOf(chart, narrow) {
  const panels = chart.panels.reduce((sum, panel) => sum + panelHeight(chart, panel, narrow) + 26, -26);
  return legendHeight(chart, narrow) + panels + below(chart);
}

function axisOf(axis, theme, extra) {
  const category = axis.scale === 'category';
  return {
    type: category ? 'category' : axis.scale,
    data: category ? axis.categories : undefined,
    min: axis.min,
    max: axis.max,
    scale: true,
    axisLine: { lineStyle: { color: theme.soft } },
    axisLabel: { color: theme.soft, hideOverlap: true, formatter: category ? undefined : number },
    splitLine: { show: !category, lineStyle: { color: theme.grid } },
    nameTextStyle: { color: theme.ink, fontSize: 13 },
    ...extra,
  };
}

function leftMargin(chart, narrow) {
  const names = chart.panels.flatMap((p) => (rowsOf(p) && rowsOf(p) <= 30 ? p.y.categories : []));
  const longest = Math.max(0, ...names.map((n) => n.length));
  const figures = chart.panels.some((p) => p.y.max >= 1e6) ? 96 : 76;
  return Math.min(narrow ? 130 : 320, Math.max(figures, longest * 7 + 20));
}

// Beside the pointer: all series of a panel at this x, or the one thing under it.
function tooltipOf(chart, theme, upright) {
  return {
    trigger: upright ? 'axis' : 'item',
    renderMode: 'richText', // HTML of the library's own would break the page's policy
    confine: true,
    backgroundColor: theme.ground,
    borderColor: theme.soft,
    textStyle: { color: theme.ink },
    axisPointer: { type: 'line', lineStyle: { color: theme.soft } },
    formatter: (given) => {
      const lines = (Array.isArray(given) ? given : [given]).map((p) => {
        const at = p.seriesId.split('/');
        if (at[0] === 'cells') return describe.cell(chart, chart.cells[p.dataIndex]);
        const panel = chart.panels[Number(at[0])];
        const series = panel?.series[Number(at[1])];
        return series ? describe.point(chart, panel, series, p.dataIndex) : '';
      });
      return [...new Set(lines.filter(Boolean))].join('\n');
    },
  };
}

export function optionOf(chart, theme, width) {
  const narrow = width < 560;
  const left = leftMargin(chart, narrow);
  const grids = [];
  const xAxes = [];
  const yAxes = [];
  let top = legendHeight(chart, narrow);
  chart.panels.forEach((panel, i) => {
    const last = i === chart.panels.length - 1;
    const height = panelHeight(chart, panel, narrow);
    grids.push({ left, right: 24, top, height, outerBoundsMode: 'none' });
    top += height + 26;
    xAxes.push(axisOf(chart.x, theme, {
      gridIndex: i, name: last ? chart.x.label : '', nameLocation: 'middle', nameGap: 30,
      ...(last ? {} : { axisLabel: { show: false } }),
    }));
    const rows = rowsOf(panel);
    yAxes.push(axisOf(panel.y, theme, {
      gridIndex: i, name: panel.y.label, nameLocation: 'middle', nameGap: left - 20, inverse: rows > 0,
      ...(rows ? { axisLabel: { show: rows <= 30, color: theme.soft, width: left - 14, overflow: 'truncate', interval: 0 } } : {}),
    }));
  });
  const upright = chart.cells.length === 0 &&
    chart.panels.every((p) => p.y.scale !== 'category' && p.series.every((s) => s.mark !== 'dots'));
  const series = chart.cells.length ? cellsOf(chart, theme)
    : chart.panels.flatMap((panel, i) => seriesOf(chart, panel, i, theme, width));
  return {
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    grid: grids,
    xAxis: xAxes,
    yAxis: yAxes,
    series,
    legend: { show: namesOf(chart).length > 1, data: namesOf(chart), top: 0, left: 0, right: 0, itemGap: 14,
      textStyle: { color: theme.ink, fontSize: 13 }, inactiveColor: theme.soft },
    tooltip: tooltipOf(chart, theme, upright),
    axisPointer: upright ? { link: [{ xAxisIndex: 'all' }] } : undefined,
    dataZoom: chart.zoom ? zoomOf(chart, theme) : [],
  };
}

function zoomOf(chart, theme) {
  const all = chart.panels.map((_, i) => i);
  return [
    { type: 'slider', xAxisIndex: all, bottom: 8, height: 24, filterMode: 'none', textStyle: { color: theme.soft },
      labelFormatter: (value) => number(value), borderColor: theme.grid },
    // With the wheel alone a reader who scrolls by would zoom.
    { type: 'inside', xAxisIndex: all, filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true },
  ];
}
