// Shows the result of a job. Text is set as text, never as HTML.

import { file } from "./client.js";

const SHOWN_ROWS = 50;

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((one) => one !== null && one !== undefined));
  return element;
}

export function sizeText(image) {
  const [height, width] = image.shape;
  const size = image.pixel_size;
  const scale = size ? `${number(size.width)} ${size.unit} a pixel` : "pixel size unknown";
  return `${width} × ${height} px, ${image.dtype}, ${scale}`;
}

function number(value) {
  if (typeof value !== "number") return value === null ? "–" : String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

export function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

function prediction(told) {
  const list = make("ul", { className: "bars", ariaLabel: "Most probable classes" });
  for (const one of told.top) {
    const fill = make("div", { className: "fill" });
    fill.style.width = `${100 * one.probability}%`;
    const track = make("div", { className: "track", ariaHidden: "true" }, fill);
    const value = make("span", { textContent: percent(one.probability) });
    list.append(make("li", {}, make("span", { textContent: one.class }), track, value));
  }
  const kind = told.calibrated ? "Calibrated probabilities" : "Probabilities, not calibrated";
  const several = told.windows > 1 ? `, mean of ${told.windows} windows` : "";
  const set = told.prediction_set.length ? `; prediction set: ${told.prediction_set.join(", ")}` : "";
  const parts = [
    make("p", {
      className: told.unknown ? "verdict unknown" : "verdict",
      textContent: told.verdict,
    }),
  ];
  if (told.unknown) {
    const text = "The image is unlike the training images. These are only the nearest classes:";
    parts.push(make("p", { textContent: text }));
  }
  parts.push(list, make("p", { className: "hint", textContent: `${kind}${several}${set}.` }));
  return parts;
}

// The class of Classify stands above: another number beside it would be a second prediction.
function summary(result, classified) {
  if (!result.target || !classified) return result.summary;
  const { name, unknown } = classified;
  const given = unknown ? "the image is unknown, and the nearest class" : "Classify gives";
  if (result.target !== name) return `Evidence for ${result.target}; ${given} ${unknown ? "is " : ""}${name}.`;
  return unknown
    ? `Evidence for ${name}, which is only the nearest class: the image is unknown.`
    : `Evidence for ${name}, the class that Classify gives.`;
}

function table(name, told) {
  const head = make("tr", {}, ...told.columns.map((one) => make("th", { scope: "col", textContent: one })));
  const rows = told.values.slice(0, SHOWN_ROWS).map((row) =>
    make("tr", {}, ...row.map((value) => make("td", {
      className: typeof value === "number" ? "number" : "",
      textContent: number(value),
    }))));
  const more = told.rows > rows.length ? ` (${rows.length} of ${told.rows} rows; all are in the CSV file)` : "";
  const whole = make("table", {}, make("caption", { textContent: `Table: ${name}${more}` }),
    make("thead", {}, head), make("tbody", {}, ...rows));
  return make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: `Table ${name}` }, whole);
}

function notes(list) {
  return list.length
    ? make("ul", { className: "notes" }, ...list.map((one) => make("li", { textContent: one })))
    : null;
}

async function figures({ operation, result }, title) {
  const pictures = result.files.filter((one) => one.type === "image/png");
  const shown = await Promise.all(pictures.map(async (one) => {
    // the only layer of a result is not named in its file
    const caption = one.name === `image_${operation}.png` && result.layers.length
      ? result.layers[0]
      : one.name.replace(/\.png$/, "").replace(`image_${operation}_`, "").replaceAll("_", " ");
    const image = make("img", { src: await file(one.url), alt: `${title}: ${caption}. ${result.summary}` });
    return make("figure", {}, image, make("figcaption", { textContent: caption }));
  }));
  return shown.length ? make("div", { className: "figures" }, ...shown) : null;
}

function save(address, name) {
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // the browser needs it until it has begun
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function downloads(state, report) {
  const stem = state.name.replace(/\.[^.]*$/, "");
  const buttons = state.result.files.map((one) => {
    const name = one.name.replace(/^image/, stem);
    const button = make("button", {
      type: "button", className: "second small", textContent: kindOf(one.name, state.operation),
      ariaLabel: `Download ${name}`, title: name,
    });
    button.addEventListener("click", () => file(one.url).then((address) => save(address, name), report));
    return button;
  });
  const all = make("button", {
    type: "button", className: "second small", textContent: "JSON",
    ariaLabel: `Download ${stem}_${state.operation}.json`,
  });
  all.addEventListener("click", () => {
    const text = new Blob([JSON.stringify(state, null, 2)], { type: "application/json" });
    save(URL.createObjectURL(text), `${stem}_${state.operation}.json`);
  });
  return make("div", { className: "downloads" }, ...buttons, all);
}

// "CSV classes" of image_classify_classes.csv
function kindOf(name, operation) {
  const kinds = { png: "PNG", csv: "CSV", yaml: "Recipe", tif: "OME-TIFF" };
  const ending = name.split(".").pop();
  const part = name.replace(/(\.ome)?\.\w+$/, "").replace(`image_${operation}`, "").replaceAll("_", " ");
  return (kinds[ending] || ending.toUpperCase()) + part;
}

// One analysis of one image; report takes an error of a download.
// classified is what Classify gives for the image, if it was asked.
export async function section(state, title, report, classified = null) {
  const { result } = state;
  const whole = make("section", {}, make("h4", { textContent: title }));
  if (result.prediction && !result.target) whole.append(...prediction(result.prediction));
  else whole.append(make("p", { textContent: summary(result, classified) }));
  // before the figures: a note may say that the numbers mean nothing
  const list = notes(result.notes);
  if (list) whole.append(list);
  const pictures = await figures(state, title);
  if (pictures) whole.append(pictures);
  for (const [name, one] of Object.entries(result.tables)) {
    // the classes are the bars; a heatmap says nothing of similar images
    const said = result.prediction && (name === "classes" || result.target);
    if (!said) whole.append(table(name, one));
  }
  whole.append(downloads(state, report));
  return whole;
}
