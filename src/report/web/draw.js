// A figure comes to life: the still picture stays for paper, the canvas is for the screen.
import { init, use } from 'echarts/core';
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { LabelLayout } from 'echarts/features';
import { CanvasRenderer } from 'echarts/renderers';
import { optionOf, heightOf } from './option.js';
import { addKeys } from './keys.js';
import { colors } from './theme.js';

use([BarChart, CustomChart, LineChart, ScatterChart, DataZoomComponent, GridComponent, LegendComponent,
  MarkLineComponent, TooltipComponent, LabelLayout, CanvasRenderer]);

export function drawWhenSeen(figure, chart) {
  let live = null;
  const draw = () => live && live.setOption(optionOf(chart, colors(), live.getWidth()), { notMerge: true });
  const start = () => {
    const canvas = document.createElement('div');
    canvas.className = 'live';
    figure.prepend(canvas);
    figure.classList.add('lives');
    const narrow = canvas.clientWidth < 560;
    canvas.style.height = `${heightOf(chart, narrow)}px`;
    live = init(canvas, null, { renderer: 'canvas' });
    draw();
    addKeys(canvas, live, chart);
    new ResizeObserver(() => {
      canvas.style.height = `${heightOf(chart, canvas.clientWidth < 560)}px`;
      live.resize();
      draw();
    }).observe(canvas);
  };
  // What is seen at once is drawn at once.
  const near = 400;
  const { top, bottom } = figure.getBoundingClientRect();
  if (top < window.innerHeight + near && bottom > -near) {
    start();
    return { redraw: draw };
  }
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    start();
  }, { rootMargin: `${near}px` });
  observer.observe(figure);
  return { redraw: draw };
}
