// The page: choose images, choose analyses, submit, see results.

import { ApiError, choicesIn, file, forget, job, json, setToken } from "./client.js";
import { make, section, sizeText } from "./results.js";

const by = (id) => document.getElementById(id);
// what is ticked when the page opens
const FIRST = ["classify", "explain"];

const state = { images: [], operations: [], model: null, limits: null, running: null };

// start ---------------------------------------------------------------------------------------

async function start() {
  try {
    const [schema, version, limits] = await Promise.all(
      ["schema", "version", "limits"].map((name) => json(`/api/${name}`)),
    );
    Object.assign(state, { limits, model: version.model });
    showModel(version);
    showAnalyses(schema);
    const kinds = limits.suffixes.join(" ");
    by("files").accept = limits.suffixes.join(",");
    const most = Math.floor(limits.file_bytes / 1048576);
    by("kinds").textContent = `Up to ${most} MB and ${limits.pixels / 1e6} megapixels: ${kinds}`;
    by("login").hidden = true;
    by("main").hidden = false;
  } catch (error) {
    if (![401, 429].includes(error.status)) return say(error.message);
    by("login").hidden = false;
    if (by("token").value) by("login-hint").textContent = error.message;
    by("token").focus();
  }
}

by("login").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(by("token").value.trim());
  start();
});

function showModel({ version, model }) {
  by("layers").append(...model.layers.map((one) => make("option", { value: one })));
  by("version").textContent = `napari-visual-ccc ${version}, model ${model.name}`;
  const facts = {
    Model: model.name, Use: model.use, Network: model.architecture, Classes: model.classes.join(", "),
    Probabilities: model.calibrated ? "calibrated" : "not calibrated",
    "Unknown images": model.detects_unknown ? "detected" : "not detected",
    Licence: model.licence,
    ...Object.fromEntries(Object.entries(model.metrics || {}).filter(([, one]) => typeof one !== "object")),
  };
  for (const [name, text] of Object.entries(facts)) {
    if (text === null || text === undefined || text === "") continue;
    by("card-facts").append(
      make("dt", { textContent: name.replaceAll("_", " ") }), make("dd", { textContent: text }),
    );
  }
  by("card").hidden = false;
}

// analyses, made from the schema ----------------------------------------------------------------

function showAnalyses(schema) {
  const names = Object.keys(schema.paths)
    .map((one) => one.replace("/api/", ""))
    .filter((one) => schema.components.schemas[one]);
  state.operations = names.map((name) => ({ name, ...schema.components.schemas[name] }));
  by("analyses").replaceChildren(...state.operations.map(analysis));
}

function analysis(operation) {
  const box = make("input", {
    type: "checkbox", id: `do-${operation.name}`, checked: FIRST.includes(operation.name),
  });
  const label = make("label", {}, box, operation.title);
  const choices = Object.entries(operation.properties || {});
  const parts = [make("legend", {}, label), make("p", { className: "hint", textContent: operation.description })];
  if (choices.length) {
    const list = make("div", { className: "options" }, ...choices.map((one) => field(operation, ...one)));
    parts.push(make("details", {}, make("summary", { textContent: `Options of ${operation.title}` }), list));
  }
  return make("fieldset", {}, ...parts);
}

function field(operation, name, about, prefix = "") {
  const id = `${prefix}${operation.name}-${name}`;
  const control = controlOf(about);
  control.id = id;
  control.dataset.choice = name;
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

function controlOf(about) {
  if (about.type === "boolean") return make("input", { type: "checkbox", checked: about.default });
  if (about.enum) return select(about.enum.map((one) => [one, one]), about.default);
  if (about["x-class"]) {
    const classes = state.model.classes.map((one) => [one, one]);
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

// images ----------------------------------------------------------------------------------------

by("files").addEventListener("change", () => {
  add([...by("files").files]);
  by("files").value = "";
});

const drop = by("drop");
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add([...event.dataTransfer.files]);
});

function add(files) {
  quiet();
  for (const one of files) {
    const image = { file: one, name: one.name, stop: new AbortController(), jobs: new Set(), articles: [] };
    image.item = make("li", {}, make("span", { className: "box" }), make("span", {}, make("b", { textContent: one.name })));
    const remove = make("button", {
      type: "button", className: "second small", textContent: "Remove", ariaLabel: `Remove ${one.name}`,
    });
    remove.addEventListener("click", () => removeImage(image));
    image.item.append(remove);
    image.about = make("small", { textContent: "waiting" });
    image.item.children[1].append(image.about);
    by("queue").append(image.item);
    state.images.push(image);
    image.ready = show(image, state.images.at(-2));
  }
}

// previews are asked for one after the other
async function show(image, before) {
  await before?.ready;
  if (image.stop.signal.aborted) return;
  try {
    if (image.file.size > state.limits.file_bytes) throw new ApiError(413, "The file is too large.");
    image.about.textContent = "sending";
    const done = await job({ operation: "preview", file: image.file }, { signal: image.stop.signal });
    image.id = done.id;
    image.jobs.add(done.id);
    const address = await file(done.result.files[0].url);
    const picture = make("img", { src: address, alt: `Preview of ${image.name}` });
    image.item.firstChild.replaceWith(picture);
    image.about.textContent = sizeText(done.result.image);
    image.notes = done.result.image.notes;
    if (image.notes.length) image.about.append(make("small", { textContent: image.notes.join("; ") }));
  } catch (error) {
    if (error.name === "AbortError") return;
    image.about.textContent = error.message;
    image.about.className = "wrong";
  }
}

// with its results, here and on the server
function removeImage(image) {
  image.stop.abort();
  image.jobs.forEach(forget);
  [image.item, ...image.articles].forEach((one) => one.remove());
  by("none").hidden = document.querySelector("article") !== null;
  state.images = state.images.filter((one) => one !== image);
  by("files").focus();
}

// submit and clear ------------------------------------------------------------------------------

by("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  quiet();
  if (state.running) return;
  const chosen = state.operations.filter((one) => by(`do-${one.name}`).checked);
  if (!state.images.length) return say("Choose an image first.", by("files"));
  if (!chosen.length) return say("Tick an analysis first.", by(`do-${state.operations[0].name}`));
  const wrong = by("form").querySelector("input:invalid");
  if (wrong) return showWrong(wrong);
  state.running = new AbortController();
  busy(true);
  try {
    await runAll(chosen, state.running.signal);
  } finally {
    state.running = null;
    busy(false);
  }
});

function showWrong(control) {
  const details = control.closest("details");
  if (details) details.open = true;
  return say(`${control.labels[0].textContent}: ${control.validationMessage}`, control);
}

async function runAll(chosen, signal) {
  const images = [...state.images];
  by("none").hidden = true;
  let failed = 0;
  for (const [number, image] of images.entries()) {
    await image.ready;
    if (signal.aborted) return;
    if (image.stop.signal.aborted) continue;
    const article = make("article", {}, make("header", {}, make("h3", { textContent: image.name })));
    by("results").append(article);
    image.articles.push(article);
    if (!image.id) {
      failed += 1;
      article.append(make("p", { className: "alert", textContent: image.about.textContent }));
      continue;
    }
    for (const operation of chosen) {
      const where = `${image.name} (${number + 1} of ${images.length}), ${operation.title}`;
      const given = choicesIn(by(`do-${operation.name}`).closest("fieldset"));
      const done = await analyse(image, operation, given, article, signal, where);
      if (signal.aborted) return;
      if (image.stop.signal.aborted) break;
      if (!done) failed += 1;
    }
  }
  tell(failed ? `Done; ${failed} failed.` : "Done.");
  by("results").focus({ preventScroll: window.innerWidth > 900 });
}

async function analyse(image, operation, given, article, signal, where, replaced = null) {
  const report = ({ state: now, progress }) => {
    const share = progress?.share ? ` ${Math.round(100 * progress.share)} %` : "";
    const text = { full: "the server is busy", waiting: "waiting", running: progress?.note || "running" };
    tell(`${where}: ${text[now] || now}${share}`);
  };
  const fields = { operation: operation.name, image: image.id, ...given, ...pixelSize() };
  let shown;
  try {
    const done = await job(fields, { signal: AbortSignal.any([signal, image.stop.signal]), report });
    image.jobs.add(done.id);
    shown = await section(done, operation.title);
    shown.dataset.job = done.id;
    if ((operation.properties || {}).target && done.result.target) {
      again(image, operation, { ...given, target: done.result.target }, shown);
    }
  } catch (error) {
    if (error.name === "AbortError") return false;
    shown = make("section", {}, make("h4", { textContent: operation.title }),
      make("p", { className: "alert", role: "alert", textContent: error.message }));
    replaced ? replaced.after(shown) : article.append(shown);
    return false;
  }
  if (!replaced) article.append(shown);
  else {
    forget(replaced.dataset.job);
    image.jobs.delete(replaced.dataset.job);
    replaced.replaceWith(shown);
  }
  return true;
}

// Method and class of an explanation can be changed where it is shown.
function again(image, operation, given, shown) {
  const prefix = `again-${crypto.getRandomValues(new Uint32Array(1))[0]}-`;
  const row = make("div", { className: "row" });
  for (const name of ["method", "target"]) {
    const about = operation.properties[name];
    if (!about) continue;
    const one = field(operation, name, { ...about, default: given[name] }, prefix);
    one.lastChild.hidden = true;
    row.append(one);
  }
  const button = make("button", { type: "button", className: "small", textContent: "Explain again" });
  button.addEventListener("click", async () => {
    if (state.running) return;
    state.running = new AbortController();
    busy(true);
    const changed = { ...given, ...choicesIn(row) };
    const { signal } = state.running;
    const done = await analyse(image, operation, changed, shown.parentElement, signal, image.name, shown);
    state.running = null;
    busy(false);
    tell(done ? "Done." : "It failed.");
  });
  row.append(button);
  shown.firstChild.after(row);
}

function pixelSize() {
  const { value } = by("spacing");
  return value ? { spacing: Number(value), unit: by("unit").value } : {};
}

by("clear").addEventListener("click", () => {
  state.running?.abort();
  for (const image of [...state.images]) removeImage(image);
  quiet();
  tell("Cleared.");
});

function busy(on) {
  by("submit").disabled = on;
  by("spinner").hidden = !on;
  by("results").setAttribute("aria-busy", String(on));
}

function tell(text) {
  by("status").textContent = text;
}

function say(text, control = null) {
  by("alert").textContent = text;
  by("alert").hidden = false;
  if (by("main").hidden) document.querySelector("header").after(by("alert"));
  control?.focus();
}

function quiet() {
  by("alert").hidden = true;
  tell("");
}

start();
