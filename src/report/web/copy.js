// Buttons to take things away: texts to the clipboard, tables and the result as files.
function button(text, action) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  element.addEventListener('click', () => action(element));
  return element;
}

export function save(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// From file:// the clipboard may be closed: then the text is selected, for the reader's own copy.
async function copy(element, pressed) {
  let done = 'Copied';
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    done = 'Selected: press Ctrl+C';
  }
  const before = pressed.textContent;
  pressed.textContent = done;
  setTimeout(() => (pressed.textContent = before), 2000);
}

export function csvOf(table) {
  const cell = (c) => {
    const text = c.textContent;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [...table.rows].map((row) => [...row.cells].map(cell).join(',')).join('\r\n') + '\r\n';
}

export function addCopyButtons() {
  for (const element of document.querySelectorAll('pre[data-copy]'))
    element.before(button('Copy', (pressed) => copy(element, pressed)));
  for (const section of document.querySelectorAll('section[id]')) {
    const table = section.querySelector('details table');
    if (!table || !section.querySelector('figure')) continue;
    table.closest('.scroll').before(button('Save as CSV', () => save(`${section.id}.csv`, 'text/csv', csvOf(table))));
  }
}

export function addDownloads() {
  const text = () => document.getElementById('document').textContent;
  document.getElementById('download')?.append(
    button('Save the result as JSON', () => save('result.json', 'application/json', text())),
  );
}
