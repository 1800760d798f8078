// The place in the console is in the URL's fragment: no path of it can be one of an API's.
import { signal } from "@preact/signals";

export interface Route {
  path: string[]; // decoded segments
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const route = signal(parse(location.hash));
addEventListener("hashchange", () => (route.value = parse(location.hash)));

export function link(...path: string[]): string {
  return "#/" + path.map(encodeURIComponent).join("/");
}

export function go(href: string): void {
  location.hash = href;
}

// setQuery changes the query of the place without leaving an entry in the history. Empty values go.
export function setQuery(change: Record<string, string>): void {
  const query = new URLSearchParams(route.value.query);
  for (const [name, value] of Object.entries(change)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(null, "", link(...route.value.path) + (text ? "?" + text : ""));
  route.value = parse(location.hash);
}
