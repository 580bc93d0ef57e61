// Talks to the JSON interface of the server.

const POLL_MS = 400;
const KEY = "visual-ccc token";

// what a header can carry
const isToken = (text) => /^[\x21-\x7e]+$/.test(text);

let token = sessionStorage.getItem(KEY) || "";
if (!isToken(token)) token = "";

let locked = () => {};

export class ApiError extends Error {
  constructor(status, message, seconds = 0) {
    super(message);
    this.status = status;
    this.wait = seconds;
  }
}

// Use a token from now on; it is kept for this tab once the server has taken it.
export function tryToken(text) {
  if (!isToken(text)) throw new ApiError(401, "A token has letters, digits and signs, without spaces or accents.");
  token = text;
}

export function keepToken() {
  sessionStorage.setItem(KEY, token);
}

// What to do when the server refuses the token, whatever was asked.
export function whenLocked(act) {
  locked = act;
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function request(address, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(address, { ...options, headers });
  } catch (error) {
    if (options.signal && options.signal.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({ error: response.statusText }));
  const seconds = Number(response.headers.get("Retry-After")) || 0;
  const error = new ApiError(response.status, told.error, seconds);
  if ([401, 429].includes(error.status)) locked(error);
  throw error;
}

export async function json(address, options) {
  return (await request(address, options)).json();
}

// The page may lie below a path of a proxy that the server does not know: addresses are relative.
export async function file(address) {
  const local = address.slice(address.lastIndexOf("/api/jobs/") + 1);
  return URL.createObjectURL(await (await request(local)).blob());
}

// An element goes, and the memory of its pictures with it.
export function release(element) {
  for (const picture of element.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  element.remove();
}

export function forget(id) {
  request(`api/jobs/${id}`, { method: "DELETE" }).catch(() => {});
}

// Queue a job and follow it to its end. A full queue is waited for. The server keeps only what is done.
export async function job(fields, { signal, report = () => {} } = {}) {
  let state = await queued(fields, signal, report);
  try {
    while (state.state !== "done") {
      if (state.state === "failed") throw new ApiError(state.status || 422, state.error || "The job was stopped.");
      report(state);
      await wait(POLL_MS);
      state = await json(`api/jobs/${state.id}`, { signal });
    }
    signal?.throwIfAborted();
  } catch (error) {
    forget(state.id);
    throw error;
  }
  return state;
}

async function queued(fields, signal, report) {
  // a short request is let through to its answer: without the id its job could not be deleted
  const stop = fields.file ? signal : undefined;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await json("api/jobs", { ...body(fields), method: "POST", signal: stop });
    } catch (error) {
      if (error.status !== 503) throw error;
      report({ state: "full" });
      await wait(1000 * (error.wait || 1));
    }
  }
}

function body(fields) {
  if (!(fields.file instanceof File)) {
    return { body: JSON.stringify(fields), headers: { "Content-Type": "application/json" } };
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return { body: form };
}
