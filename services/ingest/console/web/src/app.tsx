// The frame around the pages: who is signed in, where one is, and what goes on in the background.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { follow } from "./state/live";
import { route } from "./state/route";
import { me, restore, unreachable } from "./state/session";
import { add, drawerOpen, resume } from "./state/uploads";
import { ErrorNote, Toasts } from "./ui/bits";
import { carriesFiles, dropped } from "./ui/drop";
import { I, Logo } from "./ui/icons";
import { Keys } from "./ui/keys";
import { Sidebar } from "./ui/sidebar";
import { UploadDrawer } from "./ui/uploads";
import { ActivityPage } from "./pages/activity";
import { FilePage } from "./pages/file";
import { FilesPage } from "./pages/files";
import { SignInPage } from "./pages/signin";
import { StoragePage } from "./pages/storage";
import { SystemPage } from "./pages/system";
import { WebhookPage } from "./pages/webhook";
import { WebhooksPage } from "./pages/webhooks";

export function App() {
  useEffect(() => void restore(), []);
  if (unreachable.value) {
    return (
      <main class="alone">
        <Logo size={40} />
        <ErrorNote error={unreachable.value} retry={() => void restore()} />
      </main>
    );
  }
  if (me.value === undefined) return null;
  return (
    <>
      {me.value === null ? <SignInPage /> : <Console key={me.value.id} who={me.value.tenant + "/" + me.value.id} />}
      <Toasts />
    </>
  );
}

function Console({ who }: { who: string }) {
  useEffect(() => follow(who), [who]);
  useEffect(() => void resume(), []);
  const [dragging, setDragging] = useState(false);
  useEffect(() => catchFiles(setDragging), []);
  useSignalEffect(() => {
    document.title = title(route.value.path[0]) + " · Inlet";
  });
  return (
    <div class="console">
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the content
      </a>
      <Sidebar />
      <main id="main" tabIndex={-1}>
        <CurrentPage />
      </main>
      <UploadDrawer />
      <Keys />
      {dragging && (
        <div class="drop-veil" aria-hidden="true">
          <div>
            <I name="upload" size={32} />
            <p>Drop to upload</p>
          </div>
        </div>
      )}
    </div>
  );
}

function title(section = ""): string {
  return { activity: "Activity", storage: "Storage", webhooks: "Webhooks", system: "System" }[section] ?? "Files";
}

function CurrentPage() {
  const [section, id] = route.value.path;
  switch (section) {
    case "files":
      return id ? <FilePage key={id} id={id} /> : <FilesPage />;
    case "activity":
      return <ActivityPage />;
    case "storage":
      return <StoragePage />;
    case "webhooks":
      return id ? <WebhookPage key={id} id={id} /> : <WebhooksPage />;
    case "system":
      return me.value?.operator ? <SystemPage /> : <FilesPage />;
    default:
      return <FilesPage />;
  }
}

// catchFiles takes what is dropped or pasted anywhere in the window.
function catchFiles(setDragging: (on: boolean) => void): () => void {
  let depth = 0; // of the elements that the pointer is in
  const set = (n: number) => setDragging((depth = Math.max(0, n)) > 0);
  const end = new AbortController();
  const { signal } = end;
  const whenFiles = (f: (e: DragEvent) => void) => (e: DragEvent) => {
    if (!carriesFiles(e.dataTransfer)) return;
    e.preventDefault();
    f(e);
  };
  addEventListener("dragenter", whenFiles(() => set(depth + 1)), { signal });
  addEventListener("dragleave", whenFiles(() => set(depth - 1)), { signal });
  addEventListener("dragover", whenFiles(() => {}), { signal });
  addEventListener(
    "drop",
    whenFiles((e) => {
      set(0);
      if (e.dataTransfer) void dropped(e.dataTransfer).then(add);
    }),
    { signal },
  );
  addEventListener(
    "paste",
    (e) => {
      const files = [...(e.clipboardData?.files ?? [])];
      if (!files.length) return;
      e.preventDefault();
      drawerOpen.value = true;
      add(files);
    },
    { signal },
  );
  return () => end.abort();
}
