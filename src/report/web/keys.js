// The same with the keyboard: arrows go from point to point, + and - zoom, 0 shows all; a reader hears the point.
import { describe } from './words.js';

const pointsOf = (chart) =>
  chart.cells.length
    ? chart.cells.map((cell, i) => ({ seriesIndex: 0, dataIndex: i, words: describe.cell(chart, cell) }))
    : chart.panels.flatMap((panel) =>
        panel.series.flatMap((series) =>
          series.x.map((_, i) => ({ id: series.id, dataIndex: i, words: describe.point(chart, panel, series, i) })),
        ),
      );

export const labelOf = (chart) =>
  `${chart.title}: ${chart.caption} Left and right arrow keys go from point to point${chart.zoom ? ', plus and minus zoom, 0 shows all' : ''}.`;

// `current` gives the chart that is shown.
export function addKeys(canvas, live, current) {
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-roledescription', 'chart');
  canvas.setAttribute('aria-label', labelOf(current()));
  const said = document.createElement('p');
  said.className = 'said';
  said.setAttribute('aria-live', 'polite');
  canvas.after(said);
  let at = -1;
  let zoom = [0, 100];
  const zoomTo = (from, to) => {
    zoom = [Math.max(0, from), Math.min(100, to)];
    live.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, start: zoom[0], end: zoom[1] });
  };
  canvas.addEventListener('keydown', (event) => {
    const chart = current();
    const points = pointsOf(chart);
    if (event.ctrlKey || event.metaKey || event.altKey || points.length === 0) return;
    const middle = (zoom[0] + zoom[1]) / 2;
    const half = (zoom[1] - zoom[0]) / 2;
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      at = (at + (event.key === 'ArrowRight' ? 1 : points.length - 1) + (at < 0 && event.key === 'ArrowLeft' ? 1 : 0)) % points.length;
      const point = points[at];
      const target = point.id === undefined ? { seriesIndex: point.seriesIndex } : { seriesId: point.id };
      const index = point.id === undefined ? 0 : live.getOption().series.findIndex((s) => s.id === point.id);
      live.dispatchAction({ type: 'showTip', seriesIndex: index, dataIndex: point.dataIndex, ...(target.seriesId ? {} : target) });
      said.textContent = point.words;
    } else if (chart.zoom && (event.key === '+' || event.key === '=')) {
      zoomTo(middle - half / 2, middle + half / 2);
    } else if (chart.zoom && event.key === '-') {
      zoomTo(middle - half * 2, middle + half * 2);
    } else if (chart.zoom && event.key === '0') {
      zoomTo(0, 100);
    } else if (event.key === 'Escape') {
      live.dispatchAction({ type: 'hideTip' });
      return;
    } else {
      return;
    }
    event.preventDefault();
  });
}
