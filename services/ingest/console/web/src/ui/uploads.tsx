// The drawer from which files are sent, and in which one sees them arrive.
import { useEffect, useRef, useState } from "preact/hooks";
import { link } from "../state/route";
import { add, canRetry, cancel, clearDone, drawerOpen, fetchURL, options, pause, retry, uploads, type Upload } from "../state/uploads";
import { Button, ErrorNote, Field, StatePill } from "./bits";
import { bytes, count, reasonText, span } from "./format";
import { useGlide } from "./glide";
import { I } from "./icons";

const lives: [number, string][] = [
  [0, "Never"],
  [3600, "In an hour"],
  [86_400, "In a day"],
  [604_800, "In a week"],
  [2_592_000, "In 30 days"],
];

export function UploadDrawer() {
  const open = drawerOpen.value;
  const list = uploads.value;
  const done = list.filter((u) => u.phase === "stored").length;
  const rows = useGlide<HTMLUListElement>();
  return (
    <section class={`drawer ${open ? "open" : ""}`} aria-label="Uploads" inert={!open}>
      <header>
        <h2>Upload</h2>
        <Button kind="quiet" icon="close" aria-label="Close" onClick={() => (drawerOpen.value = false)} />
      </header>
      <div class="drawer-body">
        <Choose />
        <FromURL />
        <Settings />
        {list.length > 0 && (
          <div class="upload-list">
            <div class="upload-list-head">
              <span class="muted">
                {done} of {count(list.length, "file")} stored
              </span>
              {done > 0 && (
                <Button kind="quiet" onClick={clearDone}>
                  Clear stored
                </Button>
              )}
            </div>
            <ul ref={rows}>
              {list.map((u) => (
                <Row key={u.id} upload={u} />
              ))}
            </ul>
          </div>
        )}
      </div>
    </section>
  );
}

function Choose() {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);
  const take = (e: Event) => {
    const input = e.currentTarget as HTMLInputElement;
    add([...(input.files ?? [])]);
    input.value = "";
  };
  return (
    <div class="choose">
      <I name="upload" size={24} />
      <p>Drop files anywhere, or paste them</p>
      <div class="choose-buttons">
        <Button onClick={() => files.current?.click()}>Choose files</Button>
        <Button onClick={() => folder.current?.click()}>Choose a folder</Button>
      </div>
      <input ref={files} type="file" multiple hidden onChange={take} data-test="file-input" />
      <input ref={folder} type="file" multiple hidden onChange={take} />
    </div>
  );
}

function FromURL() {
  const [url, setURL] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await fetchURL(url);
      setURL("");
    } catch (err) {
      setError(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="from-url" onSubmit={submit}>
      <input type="url" required placeholder="https://example.com/photo.jpg" aria-label="URL to fetch a file from" value={url} onInput={(e) => setURL(e.currentTarget.value)} />
      <Button type="submit" busy={busy}>
        Fetch
      </Button>
      {error !== undefined && <ErrorNote error={error} />}
    </form>
  );
}

function Settings() {
  const o = options.value;
  return (
    <details class="upload-options">
      <summary>
        Options
        <span class="muted">{[o.name, o.tag && `tag ${o.tag}`, o.expiresIn > 0 && `expires after ${span(o.expiresIn)}`].filter(Boolean).join(" · ")}</span>
      </summary>
      <div class="upload-fields">
        <Field label="Name to show" hint="Empty shows the file's own">
          <input value={o.name} onInput={(e) => (options.value = { ...o, name: e.currentTarget.value })} />
        </Field>
        <Field label="Tag">
          <input value={o.tag} pattern="[A-Za-z0-9._\-]{1,128}" onInput={(e) => (options.value = { ...o, tag: e.currentTarget.value })} />
        </Field>
        <Field label="Expires">
          <select value={o.expiresIn} onChange={(e) => (options.value = { ...o, expiresIn: Number(e.currentTarget.value) })}>
            {lives.map(([seconds, text]) => (
              <option key={seconds} value={seconds}>
                {text}
              </option>
            ))}
          </select>
        </Field>
      </div>
    </details>
  );
}

function Row({ upload: u }: { upload: Upload }) {
  const speed = useSpeed(u);
  const share = u.phase === "stored" ? 1 : u.size > 0 ? u.sent / u.size : 0;
  return (
    <li class={`upload ${u.phase}`} data-name={u.name} data-phase={u.phase} data-state={u.state} data-sent={u.sent}>
      <div class="upload-line">
        {u.fileId ? (
          <a class="upload-name" href={link("files", u.fileId)} title={u.name}>
            {u.name}
          </a>
        ) : (
          <span class="upload-name" title={u.name}>
            {u.name}
          </span>
        )}
        {u.state && <StatePill state={u.state} />}
        <span class="upload-tools">
          {(u.phase === "sending" || u.phase === "paused") && (
            <Button kind="quiet" icon={u.phase === "paused" ? "play" : "pause"} aria-label={`${u.phase === "paused" ? "Resume" : "Pause"} ${u.name}`} onClick={() => pause(u.id)} data-test="pause" />
          )}
          {u.phase === "failed" && canRetry(u.id) && <Button kind="quiet" icon="retry" aria-label={`Retry ${u.name}`} onClick={() => retry(u.id)} />}
          <Button kind="quiet" icon="close" aria-label={u.phase === "stored" || u.phase === "failed" ? `Remove ${u.name} from the list` : `Cancel ${u.name}`} onClick={() => cancel(u.id)} />
        </span>
      </div>
      {u.phase !== "stored" && (
        <div class="progress" role="progressbar" aria-label={u.name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
          <span style={{ transform: `scaleX(${share})` }} />
        </div>
      )}
      {u.phase === "failed" ? <ErrorNote error={u.error} /> : <p class="upload-note">{note(u, speed)}</p>}
    </li>
  );
}

function note(u: Upload, speed: number): string {
  switch (u.phase) {
    case "waiting":
      return "Waiting";
    case "paused":
      return `Paused at ${bytes(u.sent)} of ${bytes(u.size)}`;
    case "sending":
      return `${bytes(u.sent)} of ${bytes(u.size)}` + (speed > 0 ? ` · ${bytes(speed)}/s · ${span((u.size - u.sent) / speed)} left` : "");
    default:
      return u.reason ? reasonText(u.reason) : u.size > 0 ? bytes(u.size) : "From a URL";
  }
}

// useSpeed returns the bytes in a second, smoothed; 0 while it is not known.
function useSpeed(u: Upload): number {
  const past = useRef({ at: 0, sent: 0, speed: 0 });
  const p = past.current;
  const now = performance.now();
  if (u.phase !== "sending" || u.sent < p.sent) {
    past.current = { at: now, sent: u.sent, speed: 0 };
  } else if (now - p.at > 500) {
    const current = ((u.sent - p.sent) / (now - p.at)) * 1000;
    past.current = { at: now, sent: u.sent, speed: p.speed > 0 ? p.speed * 0.7 + current * 0.3 : p.at > 0 ? current : 0 };
  }
  return past.current.speed;
}
