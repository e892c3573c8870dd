// Elements of a page: `make("p", { className: "say" }, "text", another)`.

export function make(kind, properties, ...children) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}
