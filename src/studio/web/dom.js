// Elements without HTML as text: nothing that comes from the server can be more than words.
export function el(name, properties, ...children) {
  const { dataset, attributes, ...plain } = properties || {};
  const element = Object.assign(document.createElement(name), plain);
  Object.assign(element.dataset, dataset);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
