// The page: choose images, choose analyses, submit, see results.

import { ApiError, file, forget, job, json, keepToken, release } from "./client.js";
import { analysis, choicesIn, field, wrongIn } from "./fields.js";
import { onLogin } from "./login.js";
import { make, section, sizeText } from "./results.js";

const by = (id) => document.getElementById(id);
// what is ticked when the page opens
const FIRST = ["classify", "explain"];

const state = { images: [], operations: [], model: null, limits: null, running: null };

// start ---------------------------------------------------------------------------------------

async function start() {
  try {
    // the token is tried first: the schema needs none
    const version = await json("api/version");
    if (!state.model) {
      const [schema, limits] = await Promise.all([json("api/schema"), json("api/limits")]);
      Object.assign(state, { limits, model: version.model });
      showModel(version);
      showAnalyses(schema);
      const kinds = limits.suffixes.join(" ");
      by("files").accept = limits.suffixes.join(",");
      const most = Math.floor(limits.file_bytes / 1048576);
      by("kinds").textContent = `Up to ${most} MB and ${limits.pixels / 1e6} megapixels: ${kinds}`;
    }
    keepToken();
    by("login").hidden = true;
    by("main").hidden = false;
    quiet();
  } catch (error) {
    if (![401, 429].includes(error.status)) say(error.message);
  }
}

onLogin(start, () => {
  if (!state.running) return;
  state.running.abort();
  tell("Stopped: the server needs a token.");
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
  state.operations = names.map((name) => {
    const about = schema.components.schemas[name];
    // "Explain (class activation map)" takes two lines on a phone
    return { name, ...about, title: about.title.replace(/ \(.*\)$/, "") };
  });
  by("analyses").replaceChildren(...state.operations.map((one) => analysis(one, FIRST.includes(one.name), state.model)));
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

// beside it a browser would leave the page and open the file
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

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
  await send(image, image.stop.signal).catch(() => {});
}

// Send an image, and show it as the server has read it.
async function send(image, signal) {
  try {
    const most = state.limits.file_bytes;
    if (image.file.size > most) {
      throw new ApiError(413, `The file is too large; at most ${Math.floor(most / 1048576)} MB are taken.`);
    }
    image.about.textContent = "sending";
    image.about.className = "";
    const done = await job({ operation: "preview", file: image.file }, { signal });
    image.id = done.id;
    image.jobs.add(done.id);
    const picture = make("img", { src: await file(done.result.files[0].url), alt: `Preview of ${image.name}` });
    const before = image.item.firstChild;
    before.after(picture);
    release(make("div", {}, before));
    image.about.textContent = sizeText(done.result.image);
    const { notes } = done.result.image;
    if (notes.length) image.about.append(make("small", { textContent: notes.join("; ") }));
  } catch (error) {
    if (error.name !== "AbortError") Object.assign(image.about, { textContent: error.message, className: "wrong" });
    throw error;
  }
}

// with its results, here and on the server
function removeImage(image) {
  image.stop.abort();
  image.jobs.forEach(forget);
  [image.item, ...image.articles].forEach(release);
  showContents();
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
  // the numbers of what is not ticked are not sent
  const sent = [by("pixel-size"), ...chosen.map(choicesOf)];
  const wrong = sent.map(wrongIn).find((one) => one);
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

const choicesOf = (operation) => by(`do-${operation.name}`).closest("fieldset");

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
    const article = make("article", { tabIndex: -1, ariaLabel: image.name }, make("header", {},
      make("h3", { textContent: image.name }),
      make("a", { href: "#results", textContent: "All results", ariaLabel: `All results, from ${image.name}` })));
    by("results").append(article);
    image.articles.push(article);
    showContents();
    if (!image.id) {
      failed += 1;
      article.append(make("p", { className: "alert", textContent: image.about.textContent }));
      continue;
    }
    for (const operation of chosen) {
      const where = `${image.name} (${number + 1} of ${images.length}), ${operation.title}`;
      const given = choicesIn(choicesOf(operation));
      // one image has one class on the page
      if (given.target === "" && image.classified) given.target = image.classified.name;
      const done = await analyse(image, operation, given, article, signal, where);
      showContents();
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
  const both = AbortSignal.any([signal, image.stop.signal]);
  const ask = () => job({ operation: operation.name, image: image.id, ...given, ...pixelSize() }, { signal: both, report });
  let shown;
  try {
    const done = await ask().catch(async (error) => {
      // it has expired on the server, and is still here
      if (error.status !== 404) throw error;
      tell(`${where}: sending the image again`);
      await send(image, both);
      return ask();
    });
    image.jobs.add(done.id);
    if (operation.name === "classify") image.classified = classOf(done.result.prediction);
    shown = await section(done, operation.title, expired, image.classified);
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
    replaced.after(shown);
    release(replaced);
  }
  return true;
}

// What is explained where nothing else is asked for: the class that Classify gives.
function classOf({ verdict, unknown, top }) {
  return { name: state.model.classes.includes(verdict) ? verdict : top[0].class, unknown };
}

// Links to the results of every image, and within them to every analysis.
function showContents() {
  const items = [...document.querySelectorAll("article")].map((article, number) => {
    article.id = `image-${number + 1}`;
    const parts = [...article.querySelectorAll("section")].map((one, place) => {
      one.id = `${article.id}-${place + 1}`;
      return make("a", { href: `#${one.id}`, textContent: one.querySelector("h4").textContent });
    });
    const name = make("a", { href: `#${article.id}`, textContent: article.querySelector("h3").textContent });
    return make("li", {}, make("b", {}, name), ...parts);
  });
  by("contents").hidden = !items.length;
  by("contents").firstElementChild.replaceChildren(...items);
}

// Method and class of an explanation can be changed where it is shown.
function again(image, operation, given, shown) {
  const prefix = `again-${crypto.getRandomValues(new Uint32Array(1))[0]}-`;
  const row = make("div", { className: "row" });
  for (const name of ["method", "target"]) {
    const about = operation.properties[name];
    if (!about) continue;
    const one = field(operation, name, { ...about, default: given[name] }, state.model, prefix);
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
    showContents();
    state.running = null;
    busy(false);
    tell(done ? "Done." : "It failed.");
  });
  row.append(button);
  shown.firstChild.after(row);
}

function expired(error) {
  say(error.status === 404 ? "This result has expired on the server: press Submit again." : error.message);
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
  // the form is not shown before the server has answered
  if (by("main").hidden) document.querySelector("header").after(by("alert"));
  else by("form").append(by("alert"));
  control?.focus();
}

function quiet() {
  by("alert").hidden = true;
  tell("");
}

start();
