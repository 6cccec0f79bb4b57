// A figure comes to life: the still picture stays for paper, the canvas is for the screen.
import { init, use } from 'echarts/core';
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { LabelLayout } from 'echarts/features';
import { CanvasRenderer } from 'echarts/renderers';
import { optionOf, heightOf } from './option.js';
import { addKeys, labelOf } from './keys.js';
import { colors } from './theme.js';

use([BarChart, CustomChart, LineChart, ScatterChart, DataZoomComponent, GridComponent, LegendComponent,
  MarkLineComponent, TooltipComponent, LabelLayout, CanvasRenderer]);

// `chart` may become another one: show(next).
export function drawWhenSeen(figure, first) {
  let chart = first;
  let live = null;
  let canvas = null;
  const draw = () => live && live.setOption(optionOf(chart, colors(), live.getWidth()), { notMerge: true });
  const start = () => {
    canvas = document.createElement('div');
    canvas.className = 'live';
    figure.prepend(canvas);
    figure.classList.add('lives');
    const narrow = canvas.clientWidth < 560;
    canvas.style.height = `${heightOf(chart, narrow)}px`;
    live = init(canvas, null, { renderer: 'canvas' });
    draw();
    addKeys(canvas, live, () => chart);
    new ResizeObserver(() => {
      if (!live) return;
      canvas.style.height = `${heightOf(chart, canvas.clientWidth < 560)}px`;
      live.resize();
      draw();
    }).observe(canvas);
  };
  const show = (next) => {
    chart = next;
    if (!live) return;
    canvas.style.height = `${heightOf(chart, canvas.clientWidth < 560)}px`;
    live.resize();
    draw();
    canvas.setAttribute('aria-label', labelOf(chart));
  };
  const forget = () => {
    live?.dispose();
    live = null;
  };
  const handle = { redraw: draw, show, forget };
  // What is seen at once is drawn at once.
  const near = 400;
  const { top, bottom } = figure.getBoundingClientRect();
  if (top < window.innerHeight + near && bottom > -near) {
    start();
    return handle;
  }
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    start();
  }, { rootMargin: `${near}px` });
  observer.observe(figure);
  return handle;
}
