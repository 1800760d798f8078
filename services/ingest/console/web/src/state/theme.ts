// Light or dark: what the system prefers, until somebody chooses.
import { effect, signal } from "@preact/signals";

const key = "inlet.theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

export type Theme = "light" | "dark";

function stored(): Theme | undefined {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : undefined;
}

export const theme = signal<Theme>(stored() ?? (prefersDark.matches ? "dark" : "light"));

prefersDark.addEventListener("change", () => {
  if (!stored()) theme.value = prefersDark.matches ? "dark" : "light";
});

addEventListener("storage", (e) => {
  if (e.key === key) theme.value = stored() ?? theme.value;
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function toggleTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem(key, theme.value);
}
