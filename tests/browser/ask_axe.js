// Writes down the serious faults that axe-core finds, or none.
setTimeout(() => {
  axe.run(document, { resultTypes: ['violations'] }).then((result) => {
    const faults = result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
    const element = document.createElement('pre');
    element.id = 'faults';
    element.textContent = faults.length === 0 ? 'none'
      : faults.map((v) => `${v.id} (${v.nodes.length}): ${v.nodes[0].target.join(' ')}`).join('; ');
    document.body.append(element);
  });
}, 1000);
