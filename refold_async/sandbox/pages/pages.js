// Shared by both pages. Text of the sandbox reaches the page through textContent only, so that none becomes markup.
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function table(columns, rows, caption) {
  const head = element("tr", {}, ...columns.map((column) => element("th", { scope: "col", textContent: column })));
  const body = rows.map((row) => element("tr", {}, ...row.map(cell)));
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  made.setAttribute("aria-label", caption);
  return made;
}

function cell(value) {
  if (value instanceof Node) return element("td", {}, value);
  const number = typeof value === "number";
  return element("td", { textContent: value ?? "", className: number ? "number" : "" });
}

export function button(text, label, act) {
  const made = element("button", { type: "button", textContent: text, onclick: act });
  made.setAttribute("aria-label", label);
  return made;
}

// Keeps the focus on the same control when a part of the page is drawn anew.
export function replace(parent, ...children) {
  const active = document.activeElement;
  const label = parent.contains(active) ? active.getAttribute("aria-label") : null;
  parent.replaceChildren(...children);
  if (label) [...parent.querySelectorAll("button")].find((each) => each.ariaLabel === label)?.focus();
}

export async function ask(path, options = {}) {
  const response = await fetch(path, { cache: "no-store", ...options });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? `HTTP ${response.status}`);
  return body;
}

export function post(path, body, headers = {}) {
  return ask(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
}

export const STATES = { connected: "good", expired: "warn", none: "muted" };
