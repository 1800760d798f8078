import { useEffect } from "preact/hooks";
import { storage } from "../api";
import { connection, onEvent, onGap } from "../state/live";
import { link, route } from "../state/route";
import { me, signOut } from "../state/session";
import { theme, toggleTheme } from "../state/theme";
import { say } from "../state/toasts";
import { active, drawerOpen } from "../state/uploads";
import { Button, Meter } from "./bits";
import { bytes } from "./format";
import { I, Logo, type IconName } from "./icons";
import { helpOpen } from "./keys";
import { useLoad } from "./use";

const sections: { path: string; name: string; icon: IconName; operator?: boolean }[] = [
  { path: "", name: "Files", icon: "files" },
  { path: "activity", name: "Activity", icon: "activity" },
  { path: "storage", name: "Storage", icon: "storage" },
  { path: "webhooks", name: "Webhooks", icon: "webhook" },
  { path: "system", name: "System", icon: "system", operator: true },
];

export function Sidebar() {
  const who = me.value;
  const [current = ""] = route.value.path;
  const shown = sections.filter((s) => !s.operator || who?.operator);
  const leave = () => void signOut().catch((err: unknown) => say("You are still signed in.", err));
  return (
    <aside class="sidebar">
      <a class="brand" href="#/" aria-label="Inlet, files">
        <Logo />
        <span>Inlet</span>
      </a>
      <Button kind="primary" icon="upload" class="upload-button" onClick={() => (drawerOpen.value = true)} data-test="upload" aria-label="Upload files">
        <span class="upload-label">Upload</span>
        {active.value.length > 0 && <span class="badge">{active.value.length}</span>}
      </Button>
      <nav aria-label="Sections">
        {shown.map((s) => {
          const here = current === s.path || (s.path === "" && current === "files");
          return (
            <a key={s.path} href={link(...(s.path ? [s.path] : []))} aria-current={here ? "page" : undefined}>
              <I name={s.icon} />
              <span>{s.name}</span>
            </a>
          );
        })}
      </nav>
      <div class="sidebar-end">
        <StorageMeter />
        <div class="who">
          <div class="who-text">
            <strong title={who?.email ?? who?.name}>{who?.name || who?.email || who?.id}</strong>
            <span>
              {who?.tenant} · {who?.plan}
            </span>
          </div>
          <span class={`live-dot ${connection.value}`} role="img" aria-label={liveText()} title={liveText()} />
        </div>
        <div class="sidebar-tools">
          <Button kind="quiet" icon={theme.value === "dark" ? "sun" : "moon"} aria-label={theme.value === "dark" ? "Light theme" : "Dark theme"} title="Theme" onClick={toggleTheme} data-test="theme" />
          <Button kind="quiet" icon="help" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={() => (helpOpen.value = true)} />
          <a class="button quiet square" href="/docs/" aria-label="Documents" title="Documents">
            <I name="docs" size={16} />
          </a>
          <Button kind="quiet" icon="leave" aria-label="Sign out" title="Sign out" onClick={leave} data-test="sign-out" />
        </div>
      </div>
    </aside>
  );
}

function liveText(): string {
  return { live: "Live: changes appear by themselves", connecting: "Not live: connecting", off: "Not live" }[connection.value];
}

function StorageMeter() {
  const { value, reload } = useLoad(storage.get, []);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void reload();
      }, 1000);
    };
    const stopEvents = onEvent(soon);
    const stopGaps = onGap(soon);
    return () => {
      stopEvents();
      stopGaps();
      clearTimeout(timer);
    };
  }, [reload]);
  if (!value) return <a class="storage-line" href={link("storage")} aria-label="Storage" />;
  return (
    <a class="storage-line" href={link("storage")}>
      <span>
        {bytes(value.used)} {value.max_storage > 0 ? `of ${bytes(value.max_storage)}` : "stored"}
      </span>
      {value.max_storage > 0 && <Meter share={value.used / value.max_storage} label="Storage used" />}
    </a>
  );
}
