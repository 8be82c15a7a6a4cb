// Lists the operations of openapi.json and lets one try them. The token stays in this page.
const token = document.getElementById("token");
const find = document.getElementById("find");
const main = document.getElementById("operations");

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "className") node.className = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function example(schema, components, depth = 0) {
  if (!schema || depth > 3) return null;
  if (schema.$ref) return example(components[schema.$ref.split("/").pop()], components, depth);
  if ("default" in schema && depth > 0) return schema.default;
  if (schema.anyOf) return example(schema.anyOf.find((one) => one.type !== "null"), components, depth);
  if (schema.enum) return schema.enum[0];
  if (schema.type === "object") {
    const found = {};
    const wanted = depth ? schema.required || [] : Object.keys(schema.properties || {}).slice(0, 3);
    for (const name of wanted) found[name] = example(schema.properties[name], components, depth + 1);
    return found;
  }
  return { array: [], integer: 0, number: 0, boolean: true, string: "" }[schema.type] ?? null;
}

async function send(path, method, operation, form, output) {
  let url = path.replace(/^\/v1\//, "");
  const query = new URLSearchParams();
  const headers = {};
  for (const parameter of operation.parameters) {
    const value = form.elements[parameter.name].value;
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value && parameter.in === "header") headers[parameter.name] = value;
  }
  if (token.value) headers.Authorization = `Bearer ${token.value.trim()}`;
  const body = operation.requestBody ? form.elements.body.value : undefined;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const text = query.toString();
  try {
    const answer = await fetch(text ? `${url}?${text}` : url, { method, headers, body });
    const said = await answer.text();
    let shown = said;
    try { shown = JSON.stringify(JSON.parse(said), null, 2); } catch { /* not JSON: shown as it is */ }
    output.textContent = `${answer.status} ${answer.statusText}\n\n${shown.slice(0, 20000)}`;
  } catch (error) {
    output.textContent = String(error);
  }
  output.hidden = false;
}

function field(parameter) {
  const required = parameter.required ? { required: "" } : {};
  return make("label", {}, `${parameter.name} (${parameter.in})`, make("input", { name: parameter.name, autocomplete: "off", ...required }));
}

function operationForm(path, method, operation, components) {
  const form = make("form");
  if (operation.description) form.append(make("div", { className: "scope" }, operation.description));
  for (const parameter of operation.parameters) form.append(field(parameter));
  if (operation.requestBody) {
    const area = make("textarea", { name: "body", spellcheck: "false" });
    area.value = JSON.stringify(example(operation.requestBody.content["application/json"].schema, components), null, 2);
    form.append(make("label", {}, "body", area));
  }
  const output = make("pre", { hidden: "" });
  form.append(make("button", { type: "submit" }, "Try it"), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, method.toUpperCase(), operation, form, output);
  });
  return form;
}

function card(path, method, operation, components) {
  const scope = operation.security.length ? operation.security[0].token[0] : "open";
  const node = make("details", { "data-find": `${method} ${path} ${operation.summary}`.toLowerCase() });
  node.append(make("summary", {},
    make("span", { className: `method ${method.toUpperCase()}` }, method.toUpperCase()),
    make("code", {}, path), make("i", {}, operation.summary, " · ", scope)));
  node.addEventListener("toggle", () => {
    if (node.open && !node.querySelector("form")) node.append(operationForm(path, method, operation, components));
  });
  return node;
}

async function show() {
  const document_ = await (await fetch("openapi.json")).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const group = operation.tags[0];
      if (!groups.has(group)) groups.set(group, make("section", {}, make("h2", {}, group)));
      groups.get(group).append(card(path, method, operation, document_.components.schemas));
    }
  }
  main.append(...groups.values());
  main.removeAttribute("aria-busy");
}

find.addEventListener("input", () => {
  for (const node of main.querySelectorAll("details")) node.hidden = !node.dataset.find.includes(find.value.toLowerCase());
});
show();
