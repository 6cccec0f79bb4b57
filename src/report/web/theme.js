// Light, dark, or as the system has it. Colours are those of the style sheet.
const CHOICES = ['system', 'light', 'dark'];

export function colors() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: get('ground'),
    ink: get('ink'),
    soft: get('soft'),
    grid: get('grid'),
    series: Array.from({ length: 8 }, (_, i) => get(`c${i}`)),
  };
}

export function addThemeButton(changed) {
  const button = document.createElement('button');
  button.type = 'button';
  let choice = Math.max(0, CHOICES.indexOf(document.documentElement.dataset.theme));
  const show = () => {
    button.textContent = `Colours: ${CHOICES[choice]}`;
    if (choice === 0) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = CHOICES[choice];
  };
  button.addEventListener('click', () => {
    choice = (choice + 1) % CHOICES.length;
    show();
    changed();
  });
  show();
  document.getElementById('theme').append(button);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}
