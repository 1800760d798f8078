import { computed, signal } from "@preact/signals";
import { items } from "./files";

export const selected = signal<ReadonlySet<string>>(new Set());

// chosen are the selected files that are still there.
export const chosen = computed(() => items.value.filter((f) => selected.value.has(f.id)));

let anchor = "";

export function toggle(id: string): void {
  const next = new Set(selected.value);
  if (!next.delete(id)) next.add(id);
  anchor = id;
  selected.value = next;
}

// extend selects everything between the last one chosen and this one.
export function extend(id: string): void {
  const ids = items.value.map((f) => f.id);
  const [from, to] = [ids.indexOf(anchor), ids.indexOf(id)].sort((a, b) => a - b);
  if (from === undefined || to === undefined || from < 0) return toggle(id);
  selected.value = new Set([...selected.value, ...ids.slice(from, to + 1)]);
}

export function clear(): void {
  selected.value = new Set();
}

export function selectAll(): void {
  selected.value = new Set(items.value.map((f) => f.id));
}
