// The fields of an analysis, made from its schema.

import { make } from "./results.js";

export function analysis(operation, ticked, model) {
  const box = make("input", {
    type: "checkbox", id: `do-${operation.name}`, checked: ticked,
  });
  const label = make("label", {}, box, operation.title);
  // a choice of one value is none
  const choices = Object.entries(operation.properties || {}).filter(([, about]) => about.enum?.length !== 1);
  const parts = [make("legend", {}, label), make("p", { className: "hint", textContent: operation.description })];
  if (choices.length) {
    const list = make("div", { className: "options" }, ...choices.map((one) => field(operation, ...one, model)));
    parts.push(make("details", {}, make("summary", { textContent: `Options of ${operation.title}` }), list));
  }
  return make("fieldset", {}, ...parts);
}

export function field(operation, name, about, model, prefix = "") {
  const id = `${prefix}${operation.name}-${name}`;
  const control = controlOf(about, model);
  control.id = id;
  control.dataset.choice = name;
  if (["integer", "number"].includes(about.type)) control.dataset.number = "";
  const hint = make("p", { id: `${id}-hint`, className: "hint", textContent: about.description });
  control.setAttribute("aria-describedby", hint.id);
  const label = make("label", { htmlFor: id });
  if (about.type === "boolean") {
    label.append(control, about.title);
    return make("div", {}, label, hint);
  }
  label.textContent = about.title;
  return make("div", {}, label, control, hint);
}

function controlOf(about, model) {
  if (about.type === "boolean") return make("input", { type: "checkbox", checked: about.default });
  if (about.enum) return select(about.enum.map((one) => [one, one]), about.default);
  if (about["x-class"]) {
    const classes = model.classes.map((one) => [one, one]);
    return select([["", "–"], ...classes], about.default);
  }
  if (about.type === "string") {
    const control = make("input", { type: "text", value: about.default, maxLength: about.maxLength });
    if (about["x-layer"]) control.setAttribute("list", "layers");
    return control;
  }
  const control = make("input", { type: "number", value: about.default ?? "" });
  if (about.minimum !== undefined) control.min = about.minimum;
  if (about.maximum !== undefined) control.max = about.maximum;
  control.step = about.type === "integer" ? 1 : "any";
  return control;
}

function select(options, chosen) {
  const control = make("select", {}, ...options.map(([value, text]) => make("option", { value, textContent: text })));
  control.value = chosen;
  return control;
}

// Fields of a request that the controls in an element give.
export function choicesIn(element) {
  const given = {};
  for (const control of element.querySelectorAll("[data-choice]")) {
    const { choice } = control.dataset;
    if (control.type === "checkbox") given[choice] = control.checked;
    else if (control.dataset.number === undefined) given[choice] = control.value;
    else if (control.value !== "") given[choice] = Number(control.value);
  }
  return given;
}

// The first control in an element whose value is none that it takes.
export function wrongIn(element) {
  return element.querySelector("input:invalid");
}
