// What happens on the server, as it happens. One tab of a browser holds the stream and hands its events to the others: a browser opens six
// connections to a server at most, and streams must not use them up.
import { signal } from "@preact/signals";
import type { LiveEvent } from "../api";

export type Connection = "off" | "connecting" | "live";

export const connection = signal<Connection>("off");

// recent are the last events, the newest first.
export const recent = signal<LiveEvent[]>([]);
const keep = 200;

const facts = ["stored", "verified", "rejected", "failed", "variant_created", "updated", "linked", "unlinked", "expired", "deleted"];

type Listener = (e: LiveEvent) => void;
const listeners = new Set<Listener>();

// onEvent calls back for every event until the function that it returns is called.
export function onEvent(f: Listener): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

// onGap calls back when events may have been missed.
const gaps = new Set<() => void>();
export function onGap(f: () => void): () => void {
  gaps.add(f);
  return () => gaps.delete(f);
}

type Message = { kind: "event"; event: LiveEvent } | { kind: "gap" } | { kind: "connection"; state: Connection } | { kind: "who" };

// take handles what came from the stream, here or in another tab.
function take(m: Message): void {
  switch (m.kind) {
    case "event":
      if (recent.value.some((e) => e.id === m.event.id)) return; // at least once is what events promise
      recent.value = [m.event, ...recent.value].slice(0, keep);
      for (const f of listeners) f(m.event);
      break;
    case "gap":
      for (const f of gaps) f();
      break;
    case "connection":
      connection.value = m.state;
  }
}

const answerWithin = 5000; // ms: a tab that holds the stream says so when it is asked

// follow begins to listen, for the caller named, and returns what ends it.
//
// Whoever gets the lock holds the stream. That alone is not enough: a holder may be frozen by its browser, and Chromium has been seen to keep tabs
// waiting for a lock that nobody holds. So a tab that is seen asks who holds the stream, again and again, and opens one when nobody answers. Two
// streams for a while do no harm.
export function follow(who: string): () => void {
  const name = "inlet.live." + who;
  const channel = new BroadcastChannel(name);
  const end = new AbortController();
  let leading: Promise<void> | undefined;
  let answered = true;
  const tell = (m: Message) => {
    take(m);
    channel.postMessage(m);
  };
  const lead = () => (leading ??= stream(tell, end.signal));
  const ask = () => {
    answered = false;
    channel.postMessage({ kind: "who" } satisfies Message);
  };
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === "who") {
      if (leading) channel.postMessage({ kind: "connection", state: connection.value } satisfies Message);
      return;
    }
    answered = true;
    if (data.kind !== "connection" || !leading) take(data); // of two streams each tab shows its own
  };
  connection.value = "connecting";
  ask();
  const watch = setInterval(() => {
    if (leading || document.visibilityState !== "visible") answered = true;
    else if (answered) ask();
    else void lead();
  }, answerWithin);
  if (navigator.locks) {
    navigator.locks.request(name, { signal: end.signal }, lead).catch(() => {}); // ended before its turn came
  } else {
    void lead(); // without TLS there are no locks: every tab has a stream of its own
  }
  return () => {
    clearInterval(watch);
    end.abort();
    channel.close();
    connection.value = "off";
    recent.value = [];
  };
}

const firstWait = 1000;
const longestWait = 30_000;

// stream reads /v1/events until it is told to end. The browser reconnects by itself after a broken connection, with the id of the last event; after
// an answer that is no stream it does not, and this does.
function stream(tell: (m: Message) => void, end: AbortSignal): Promise<void> {
  let lastId = "";
  let wait = firstWait;
  return new Promise((resolve) => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      source = new EventSource("/v1/events" + (lastId ? "?last_event_id=" + encodeURIComponent(lastId) : ""));
      source.onopen = () => {
        wait = firstWait;
        tell({ kind: "connection", state: "live" });
        if (!lastId) tell({ kind: "gap" }); // between what the pages have asked for and here
      };
      source.onerror = () => {
        tell({ kind: "connection", state: "connecting" });
        if (source?.readyState !== EventSource.CLOSED) return;
        timer = setTimeout(open, wait);
        wait = Math.min(wait * 2, longestWait);
      };
      source.addEventListener("gap", () => tell({ kind: "gap" }));
      for (const fact of facts) {
        source.addEventListener("file." + fact, (e) => {
          lastId = e.lastEventId || lastId;
          tell({ kind: "event", event: JSON.parse(e.data) as LiveEvent });
        });
      }
    };
    end.addEventListener("abort", () => {
      clearTimeout(timer);
      source?.close();
      resolve();
    });
    if (!end.aborted) open();
  });
}
