// Questions to the server. Every one carries the token of this start, which the page's own address has.
const token = new URLSearchParams(location.search).get('token') || '';

async function post(path, body, signal) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Foretoken-Token': token },
    body: JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  const text = await response.text();
  let problems = text.trim();
  try {
    problems = JSON.parse(text).problems;
  } catch {
    // Plain words.
  }
  throw new Error(problems);
}

export const ask = async (path, body) => (await post(path, body)).json();
export const download = async (path, body) => (await post(path, body)).text();

// Events as they come, until the last; leaving ends the simulation.
export async function follow(path, body, signal, told) {
  const response = await post(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let last = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    const parts = text.split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const lines = part.split('\n');
      const name = lines.find((line) => line.startsWith('event: '))?.slice(7);
      const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
      if (!name || data === undefined) continue;
      last = name;
      told(name, JSON.parse(data));
    }
  }
  if (last !== 'done' && last !== 'failed') throw new Error('the studio has ended');
}
