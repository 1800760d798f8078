import { signal } from "@preact/signals";

export interface Toast {
  id: number;
  text: string;
  error?: unknown;
}

export const toasts = signal<Toast[]>([]);
let last = 0;

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}

// say shows a line for a few seconds. Errors stay until they are dismissed.
export function say(text: string, error?: unknown): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-3), { id, text, error }];
  if (error === undefined) setTimeout(() => dismiss(id), 4000);
}
