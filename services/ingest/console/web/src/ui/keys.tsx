// Keys that work everywhere, and the list of all.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { go } from "../state/route";
import { drawerOpen } from "../state/uploads";
import { Dialog } from "./bits";

export const helpOpen = signal(false);

// typing reports whether a key is meant for a field or a dialog.
export function typing(e: KeyboardEvent): boolean {
  const t = e.target;
  return t instanceof HTMLElement && (t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName) || t.closest("dialog[open]") !== null);
}

const list: [string[], string][] = [
  [["↑", "↓", "←", "→"], "Move between files"],
  [["Enter"], "Open the file"],
  [["Space"], "Select it; with Shift, all in between"],
  [["Ctrl", "A"], "Select all that are shown"],
  [["Del"], "Delete what is selected"],
  [["/"], "Search"],
  [["u"], "Upload"],
  [["g"], "Gallery or table"],
  [["Esc"], "Close, or clear the selection"],
  [["?"], "This help"],
];

export function Keys() {
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
      switch (e.key) {
        case "?":
          helpOpen.value = true;
          break;
        case "u":
          drawerOpen.value = !drawerOpen.value;
          break;
        case "/":
          if (document.getElementById("search")) document.getElementById("search")?.focus();
          else go("#/");
          break;
        case "Escape":
          drawerOpen.value = false;
          return;
        default:
          return;
      }
      e.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  if (!helpOpen.value) return null;
  return (
    <Dialog title="Keyboard" onClose={() => (helpOpen.value = false)}>
      <dl class="keys">
        {list.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
