// Uses the page as a reader with a keyboard does, and writes down what it found.
// Charts come to life when frames are drawn, which a clock that runs ahead does not wait for.
function whenDrawn(then, left = 100) {
  if (document.querySelector('#latency .live') && document.querySelector('#timeline .live canvas')) setTimeout(then, 500);
  else if (left > 0) requestAnimationFrame(() => setTimeout(() => whenDrawn(then, left - 1), 50));
  else then();
}
whenDrawn(() => {
  const found = [];
  const check = (name, holds) => found.push(`${name}: ${holds ? 'ok' : 'FAILED'}`);
  const press = (element, key) => element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  try {
    const latency = document.querySelector('#latency .live');
    latency.focus();
    press(latency, 'ArrowRight');
    const first = document.querySelector('#latency .said').textContent;
    press(latency, 'ArrowRight');
    const second = document.querySelector('#latency .said').textContent;
    check('arrow', document.activeElement === latency && first.startsWith('TTFT') && second !== first);

    const timeline = document.querySelector('#timeline .live');
    const canvas = timeline.querySelector('canvas');
    const before = canvas.toDataURL();
    press(timeline, '+');
    setTimeout(() => {
      check('zoom', canvas.toDataURL() !== before);
      const theme = document.querySelector('#theme button');
      const ground = getComputedStyle(document.body).backgroundColor;
      theme.click();
      theme.click();
      check('theme', document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.body).backgroundColor !== ground);
      let saved = null;
      const create = URL.createObjectURL;
      URL.createObjectURL = (blob) => { saved = blob; return create(blob); };
      [...document.querySelectorAll('#latency button')].find((b) => b.textContent === 'Save as CSV').click();
      saved.text().then((csv) => {
        check('csv', csv.startsWith('share of requests,TTFT (ms)') && csv.split('\r\n').length > 5);
        document.querySelector('#download button').click();
        return saved.text();
      }).then((json) => {
        check('json', JSON.parse(json).schema === 'foretoken.result/1');
        write();
      });
    }, 500);
  } catch (error) {
    found.push(String(error));
    write();
  }
  function write() {
    const element = document.createElement('pre');
    element.id = 'found';
    element.textContent = found.join('; ');
    document.body.append(element);
  }
});
