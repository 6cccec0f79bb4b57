// The page's script: draws each figure when it is about to be seen, and wires what can be clicked. What it exports is
// `foretokenPage` for the studio's script.
import { drawWhenSeen } from './draw.js';
import { addCopyButtons, addDownloads, save } from './copy.js';
import { addThemeButton } from './theme.js';

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const charts = new Map(read('charts').map((chart) => [chart.name, chart]));
// What else a page draws is added to it, to follow the colours.
export const figures = [];
for (const element of document.querySelectorAll('figure[data-chart]')) {
  const chart = charts.get(element.dataset.chart);
  if (chart) figures.push(drawWhenSeen(element, chart));
}
addThemeButton(() => figures.forEach((figure) => figure.redraw()));
addDownloads();
addCopyButtons();
export { drawWhenSeen, save };
