import { useEffect, useState } from "preact/hooks";
import type { FileQuery } from "../api";
import { route, setQuery } from "../state/route";
import { I, type IconName } from "../ui/icons";

const states: [string, string][] = [
  ["", "All"],
  ["ready", "Ready"],
  ["pending", "Verifying"],
  ["rejected,failed", "Refused"],
];

const types: [string, string][] = [
  ["", "Any type"],
  ["image/*", "Pictures"],
  ["video/*", "Video"],
  ["audio/*", "Audio"],
  ["text/*", "Text"],
  ["application/pdf", "PDF"],
  ["application/zip", "Archives"],
];

const everything = "pending,ready,rejected,failed";

// fileQuery is what the API is asked for a place's query.
export function fileQuery(q: URLSearchParams): FileQuery {
  const value = (name: string) => q.get(name) || undefined;
  return { q: value("q"), state: value("state") ?? everything, type: value("type"), tag: value("tag"), channel: value("channel") };
}

export function filtered(q: URLSearchParams): boolean {
  return ["q", "state", "type", "tag", "channel"].some((name) => q.get(name));
}

export function Filters() {
  const { query } = route.value;
  const state = query.get("state") ?? "";
  return (
    <div class="filters" role="group" aria-label="Filters">
      <div class="segments" role="radiogroup" aria-label="State">
        {states.map(([value, text]) => (
          <button key={value} type="button" role="radio" aria-checked={state === value} onClick={() => setQuery({ state: value })}>
            {text}
          </button>
        ))}
      </div>
      <select aria-label="Type" value={query.get("type") ?? ""} onChange={(e) => setQuery({ type: e.currentTarget.value })}>
        {types.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Word name="tag" label="Tag" icon="tag" />
      <Word name="channel" label="Channel" icon="activity" />
    </div>
  );
}

// Word is a filter that one types, taken with Enter or when the field is left.
function Word({ name, label, icon }: { name: string; label: string; icon: IconName }) {
  const current = route.value.query.get(name) ?? "";
  const [text, setText] = useState(current);
  useEffect(() => setText(current), [current]);
  const take = () => setQuery({ [name]: text.trim() });
  return (
    <span class={`word ${current ? "on" : ""}`}>
      <I name={icon} size={14} />
      <input aria-label={label} placeholder={label} value={text} onInput={(e) => setText(e.currentTarget.value)} onBlur={take} onKeyDown={(e) => e.key === "Enter" && take()} />
    </span>
  );
}
