// Writes down the serious faults that axe-core finds, in light and in dark, or none.
setTimeout(async () => {
  const found = [];
  document.querySelectorAll('details').forEach((element) => (element.open = true));
  for (const theme of ['light', 'dark']) {
    document.documentElement.dataset.theme = theme;
    const result = await axe.run(document, { resultTypes: ['violations'] });
    for (const fault of result.violations) {
      if (fault.impact === 'serious' || fault.impact === 'critical')
        found.push(`${theme}: ${fault.id} (${fault.nodes.length}): ${fault.nodes[0].target.join(' ')}`);
    }
  }
  const element = document.createElement('pre');
  element.id = 'faults';
  element.textContent = found.join('; ') || 'none';
  document.body.append(element);
}, 1000);
