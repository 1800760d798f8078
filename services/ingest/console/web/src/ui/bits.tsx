// The small parts that pages are made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure, type FileItem, type State } from "../api";
import { say, dismiss, toasts } from "../state/toasts";
import { I, type IconName } from "./icons";
import { ago, extension, when } from "./format";
import { files } from "../api";

type ButtonProps = JSX.ButtonHTMLAttributes<HTMLButtonElement> & { icon?: IconName; kind?: "primary" | "danger" | "quiet"; busy?: boolean };

// A Button that is busy does nothing, and keeps the focus: one that is disabled would lose it.
export function Button({ icon, kind, busy, children, class: extra, ...rest }: ButtonProps) {
  const names = ["button", kind, children ? "" : "square", extra].filter(Boolean).join(" ");
  const onClick = busy ? (e: Event) => e.preventDefault() : rest.onClick;
  return (
    <button type="button" {...rest} class={names} onClick={onClick} aria-disabled={busy} aria-busy={busy}>
      {icon && <I name={icon} size={16} />}
      {children}
    </button>
  );
}

const stateText: Record<State, string> = { temp: "Promised", pending: "Verifying", ready: "Ready", rejected: "Rejected", failed: "Failed" };

export function StatePill({ state }: { state: State }) {
  return <span class={`pill ${state}`}>{stateText[state]}</span>;
}

// Ago shows a time as its distance, and moves on with it.
export function Ago({ time }: { time: string }) {
  useTick(30_000);
  return (
    <time dateTime={time} title={when(time)}>
      {ago(time)}
    </time>
  );
}

// useTick draws the component again every so many milliseconds, and returns the time.
export function useTick(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

// Thumb is a file's picture, or a sheet with its kind where there is none. It takes its room before it is there.
export function Thumb({ file, size }: { file: FileItem; size: number }) {
  const [broken, setBroken] = useState(false);
  const made = file.state === "ready" && (file.thumbnail === "made" || Boolean(file.thumbnail_url));
  useEffect(() => setBroken(false), [file.id, made]);
  if (made && !broken) {
    return (
      <span class="thumb">
        <img src={files.thumbnail(file.id)} width={size} height={size} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />
      </span>
    );
  }
  const kind = extension(file.original_name, file.mime_type);
  return (
    <span class={`thumb sheet kind-${family(file)}`}>
      <span class="sheet-paper" aria-hidden="true">
        {kind}
      </span>
    </span>
  );
}

// family is the group of kinds that a sheet takes its colour from.
function family(file: FileItem): string {
  const name = file.original_name.toLowerCase();
  if (/\.(zip|rar|gz|7z|tar)$/.test(name)) return "archive";
  if (/\.(xlsx?|csv|ods)$/.test(name)) return "table";
  if (/\.(docx?|txt|rtf|md|odt)$/.test(name)) return "text";
  if (/\.(pptx?|pdf)$/.test(name)) return "page";
  if (/\.(json|xml|ya?ml|html?)$/.test(name)) return "code";
  return file.mime_type.split("/")[0] ?? "other";
}

const hints: Record<string, string> = {
  unreachable: "Check the connection; what you see may be old. It goes on by itself when the server is back.",
  unauthorized: "Check what you have typed. After several wrong attempts, wait a minute.",
  forbidden: "Ask an administrator of your tenant for the right to do this.",
  not_found: "It was deleted or has expired, or belongs to somebody else.",
  not_ready: "Its verification has not ended. Try again in a moment.",
  precondition_failed: "Somebody changed it meanwhile. Reload the page and change it again.",
  conflict: "Somebody changed it meanwhile. Try again.",
  rate_limit_exceeded: "Wait for the time that is said, then try again.",
  storage_limit_exceeded: "Delete files that nobody needs, or have the plan raised.",
  insufficient_storage: "The disk of the server is full. Tell whoever runs it.",
  file_too_large: "Send a smaller file, or have the plan raised.",
  unsupported_file_type: "Send it as a type that is allowed: pictures, documents, tables, archives, text.",
  type_mismatch: "The bytes are of another type than the name says. Rename the file, or export it again.",
  unavailable: "Something that the server rests on is out. Try again in a moment.",
  internal_error: "It is a fault of the server. Give the request id to whoever runs it.",
};

// ErrorNote says what went wrong, what to do, and what to tell the operator.
export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const f = error instanceof Failure ? error : new Failure(0, "console", String((error as Error)?.message ?? error), "");
  return (
    <div class="error-note" role="alert">
      <I name="warning" size={18} />
      <div>
        <p class="error-text">{f.message}</p>
        {hints[f.code] && <p>{hints[f.code]}</p>}
        <p class="error-code">
          <code>{f.code}</code>
          {f.requestId && (
            <>
              {" · request "}
              <code>{f.requestId}</code>
            </>
          )}
        </p>
      </div>
      {retry && (
        <Button icon="retry" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <svg width="88" height="64" viewBox="0 0 88 64" aria-hidden="true" class="empty-art">
        <path d="M20 58V32a24 24 0 0 1 48 0v26" />
        <path d="M2 58h12M74 58h12" />
        <circle cx="44" cy="46" r="6" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

// Command is a line for a terminal, with a button that copies it.
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <CopyButton text={text} label="Copy the command" />
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await copyText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch {
      say("The browser did not let the console copy. Mark the text and copy it by hand.");
    }
  };
  return <Button kind="quiet" icon={done ? "check" : "copy"} aria-label={done ? "Copied" : label} title={label} onClick={copy} />;
}

// copyText copies also where there is no TLS, and so no clipboard API.
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("not copied");
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, wide }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? "wide" : ""} aria-label={title} onCancel={(e) => (e.preventDefault(), onClose())} onClick={(e) => e.target === ref.current && onClose()}>
      <div class="dialog-body">
        <header>
          <h2>{title}</h2>
          <Button kind="quiet" icon="close" aria-label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: ComponentChildren;
  action: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

// Confirm asks before something that cannot be taken back.
export function Confirm({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (err) {
      setError(err);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      {error !== undefined && <ErrorNote error={error} />}
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" busy={busy} onClick={confirm} data-test="confirm" autofocus>
          {action}
        </Button>
      </footer>
    </Dialog>
  );
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((t) => (
        <div key={t.id} class="toast">
          <div>
            <p>{t.text}</p>
            {t.error !== undefined && <ErrorNote error={t.error} />}
          </div>
          <Button kind="quiet" icon="close" aria-label="Dismiss" onClick={() => dismiss(t.id)} />
        </div>
      ))}
    </div>
  );
}

// Meter shows how much of something is used, between 0 and 1.
export function Meter({ share, label }: { share: number; label: string }) {
  const percent = Math.min(100, Math.max(0, share * 100));
  return (
    <div class={`meter ${percent >= 90 ? "high" : ""}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(percent)}>
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

export function Field({ label, hint, children }: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      {children}
      {hint && <span class="field-hint">{hint}</span>}
    </label>
  );
}
