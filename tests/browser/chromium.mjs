// A headless browser that is told what to do through its own pipe: pages as they are, policy and all, and a clock that runs.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

export class Browser {
  static async start(program, profile) {
    const browser = new Browser();
    browser.process = spawn(program, ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
      '--hide-scrollbars', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    browser.waiting = new Map();
    browser.number = 0;
    browser.said = []; // on the page's console, and what it could not load
    let rest = '';
    browser.process.stdio[4].setEncoding('utf8').on('data', (text) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop();
      parts.forEach((part) => browser.take(JSON.parse(part)));
    });
    const { targetInfos } = await browser.ask('Target.getTargets');
    const { targetId } = targetInfos.find((t) => t.type === 'page');
    ({ sessionId: browser.session } = await browser.ask('Target.attachToTarget', { targetId, flatten: true }));
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.ask(`${domain}.enable`);
    return browser;
  }

  take(message) {
    if (message.id) {
      const { resolve, reject } = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      return message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    }
    const { method, params } = message;
    if (method === 'Runtime.consoleAPICalled') this.said.push(params.args.map((a) => a.value).join(' '));
    if (method === 'Runtime.exceptionThrown') this.said.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
    if (method === 'Log.entryAdded') this.said.push(`${params.entry.text} ${params.entry.url || ''}`);
  }

  ask(method, params = {}) {
    const id = ++this.number;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // The value of an expression in the page.
  async look(expression) {
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
    return result.value;
  }

  // Until it is true.
  async until(expression, seconds = 20) {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((go) => setTimeout(go, 20)))
      if (await this.look(expression)) return;
    throw new Error(`never: ${expression}; the page says: ${await this.look("document.getElementById('status')?.textContent")}`);
  }

  size(width, height) {
    return this.ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  mouse(type, x, y, buttons = 0) {
    return this.ask('Input.dispatchMouseEvent', { type, x, y, buttons, button: type === 'mouseMoved' && !buttons ? 'none' : 'left', clickCount: 1 });
  }

  async click(selector) {
    const { x, y } = await this.middle(selector);
    await this.mouse('mousePressed', x, y, 1);
    await this.mouse('mouseReleased', x, y);
  }

  async middle(selector) {
    return this.look(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'center', behavior: 'instant' });
      const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2, left: r.x, width: r.width }; })()`);
  }

  async picture(file, whole = true) {
    const { data } = await this.ask('Page.captureScreenshot', { captureBeyondViewport: whole });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  end() {
    this.process.kill('SIGKILL');
  }
}
