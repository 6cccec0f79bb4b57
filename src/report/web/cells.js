// A heat map: a rectangle per cell in the colour that came with it, hatched where it is refused.
import { number } from './words.js';

function hatch(x, y, width, height, stroke) {
  const lines = [];
  for (let d = 7; d < width + height; d += 7) {
    lines.push({ type: 'line', silent: true, style: { stroke, lineWidth: 1.2 }, shape: {
      x1: x + Math.min(d, width), y1: y + Math.max(0, d - width), x2: x + Math.max(0, d - height), y2: y + Math.min(d, height) } });
  }
  return lines;
}

export function cellsOf(chart, theme) {
  return [{
    type: 'custom', id: 'cells', xAxisIndex: 0, yAxisIndex: 0,
    data: chart.cells.map((cell) => [cell.x, cell.y]),
    renderItem: (params, api) => {
      const cell = chart.cells[params.dataIndex];
      const [cx, cy] = api.coord([cell.x, cell.y]);
      const [width, height] = api.size([1, 1]);
      const [x, y] = [cx - width / 2, cy - height / 2];
      const text = cell.value === null ? '' : number(cell.value);
      const children = [{ type: 'rect', shape: { x, y, width, height },
        style: { fill: cell.color || theme.grid, stroke: theme.ground, lineWidth: 1 } }];
      if (cell.refused) children.push(...hatch(x, y, width, height, cell.value === null ? theme.soft : cell.ink));
      if (text.length * 7 < width - 4)
        children.push({ type: 'text', silent: true, style: { text, x: cx, y: cy, align: 'center', verticalAlign: 'middle',
          fill: cell.ink || theme.ink, fontSize: 12,
            backgroundColor: cell.color, padding: 2 } });
      return { type: 'group', children };
    },
  }];
}
