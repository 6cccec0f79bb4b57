// The address holds the whole state: #A.replicas=2&B.engine.quantization="fp8". Values are JSON.
const MOST = 3;

export function readState() {
  const configs = [{}];
  for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
    const index = key.charCodeAt(0) - 65;
    if (!(index >= 0 && index < MOST)) continue;
    while (configs.length <= index) configs.push({});
    if (key[1] !== '.') continue;
    try {
      configs[index][key.slice(2)] = JSON.parse(text);
    } catch {
      // Not ours.
    }
  }
  return { configs, active: 0, most: MOST, added: [] };
}

export function writeState(state) {
  const params = new URLSearchParams();
  state.configs.forEach((set, i) => {
    const name = String.fromCharCode(65 + i);
    if (i > 0 && Object.keys(set).length === 0) params.append(name, '');
    for (const [path, value] of Object.entries(set)) params.append(`${name}.${path}`, JSON.stringify(value));
  });
  history.replaceState(null, '', `#${params}`);
}
