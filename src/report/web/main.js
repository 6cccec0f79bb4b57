// The page's script: draws each figure when it is about to be seen, and wires what can be clicked.
import { drawWhenSeen } from './draw.js';
import { addCopyButtons, addDownloads } from './copy.js';
import { addThemeButton } from './theme.js';

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const charts = new Map(read('charts').map((chart) => [chart.name, chart]));
const figures = [];
for (const element of document.querySelectorAll('figure[data-chart]')) {
  const chart = charts.get(element.dataset.chart);
  if (chart) figures.push(drawWhenSeen(element, chart));
}
addThemeButton(() => figures.forEach((figure) => figure.redraw()));
addDownloads();
addCopyButtons();
