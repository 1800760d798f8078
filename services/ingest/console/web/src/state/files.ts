// The list of files: a page at a time, kept up to date by events. The server is asked again after each; an event alone proves nothing.
import { batch, signal } from "@preact/signals";
import { files as api, type FileItem, type FileQuery, type LiveEvent } from "../api";
import { connection, onEvent, onGap } from "./live";

export const pageSize = 60;

export const items = signal<FileItem[]>([]);
export const total = signal<number | undefined>(undefined);
export const capped = signal(false); // there may be more than total
export const more = signal(false);
export const loading = signal(false);
export const failure = signal<unknown>(undefined);

let query: FileQuery = {};
let cursor: string | undefined;
let running: AbortController | undefined;

// show begins a list anew.
export async function show(q: FileQuery): Promise<void> {
  query = q;
  cursor = undefined;
  await load(true);
}

// loadMore adds the next page.
export async function loadMore(): Promise<void> {
  if (!loading.value && more.value) await load(false);
}

async function load(anew: boolean): Promise<void> {
  running?.abort();
  const mine = (running = new AbortController());
  loading.value = true;
  try {
    const page = await api.list(query, cursor, pageSize, mine.signal);
    batch(() => {
      failure.value = undefined;
      const known = new Set(anew ? [] : items.value.map((f) => f.id));
      items.value = anew ? page.data : [...items.value, ...page.data.filter((f) => !known.has(f.id))];
      total.value = page.pagination?.total;
      capped.value = page.pagination?.total_capped ?? false;
      more.value = page.pagination?.has_more ?? false;
      cursor = page.pagination?.next_cursor;
    });
  } catch (err) {
    if (mine.signal.aborted) return;
    batch(() => {
      failure.value = err;
      if (anew) items.value = [];
    });
  } finally {
    if (running === mine) loading.value = false;
  }
}

let refreshing = false;
let stale = false; // something has happened since the last question was asked

// refresh reads the newest page again. One question is under way at a time, so that an old answer never comes after a new one.
async function refresh(): Promise<void> {
  stale = true;
  if (refreshing) return;
  refreshing = true;
  while (stale) {
    stale = false;
    await overlay();
  }
  refreshing = false;
}

// overlay lays the newest page over what is there.
async function overlay(): Promise<void> {
  const asked = query;
  try {
    const page = await api.list(query, undefined, pageSize);
    if (asked !== query) return;
    batch(() => {
      const oldest = page.data.at(-1)?.number ?? 0;
      const rest = page.pagination?.has_more ? items.value.filter((f) => f.number < oldest) : [];
      items.value = [...page.data, ...rest];
      total.value = page.pagination?.total;
      capped.value = page.pagination?.total_capped ?? false;
      if (!rest.length) {
        more.value = page.pagination?.has_more ?? false;
        cursor = page.pagination?.next_cursor;
      }
      failure.value = undefined;
    });
  } catch {
    // The list stays as it is; the next event, or the reader, asks again.
  }
}

export function forget(ids: Iterable<string>): void {
  const gone = new Set(ids);
  const left = items.value.filter((f) => !gone.has(f.id));
  if (total.value !== undefined) total.value -= items.value.length - left.length;
  items.value = left;
}

export function replace(file: FileItem): void {
  items.value = items.value.map((f) => (f.id === file.id ? { ...f, ...file } : f));
}

const settle = 250; // ms: a burst of events is one question

// keepFresh applies events to the list until the function that it returns is called.
export function keepFresh(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void refresh();
    }, settle);
  };
  const stopEvents = onEvent((e) => {
    if (!apply(e)) soon();
  });
  const stopGaps = onGap(soon);
  const poll = setInterval(() => {
    if (connection.value !== "live" && items.value.some((f) => f.state === "pending" || f.thumbnail === "owed")) void refresh();
  }, 3000);
  return () => {
    stopEvents();
    stopGaps();
    clearTimeout(timer);
    clearInterval(poll);
  };
}

// apply puts an event into the list at once; false when the server must be asked for the rest.
function apply(e: LiveEvent): boolean {
  const id = "file_" + e.subject;
  if (/\.(deleted|expired)$/.test(e.type)) {
    forget([id]);
    return true;
  }
  const at = items.value.findIndex((f) => f.id === id);
  const before = items.value[at];
  if (!before) return false;
  const state = e.data.file.state;
  if (state !== "deleting" && state !== "gone" && before.state !== state) {
    items.value = items.value.with(at, { ...before, state, reason: e.data.file.reason });
  }
  if (at < pageSize) return false;
  void api.get(id).then(replace, () => {});
  return true;
}
