import { useState } from "preact/hooks";
import { files as api, type SignedURL } from "../api";
import { Button, CopyButton, ErrorNote } from "../ui/bits";
import { Countdown } from "./file";

const lives: [number, string][] = [
  [900, "15 minutes"],
  [3600, "An hour"],
  [86_400, "A day"],
  [604_800, "A week"],
];

// Sign makes URLs by which anybody may download the file for a while. The server keeps no list of them: those shown are of this visit.
export function Sign({ id }: { id: string }) {
  const [life, setLife] = useState(3600);
  const [urls, setURLs] = useState<SignedURL[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const sign = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const url = await api.sign(id, life);
      setURLs((before) => [url, ...before]);
    } catch (err) {
      setError(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="panel">
      <h2>Share</h2>
      <p class="muted">A signed URL needs no credential. It ends with its time, or with the file.</p>
      <div class="inline-form">
        <select aria-label="Life of the URL" value={life} onChange={(e) => setLife(Number(e.currentTarget.value))}>
          {lives.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </select>
        <Button icon="link" busy={busy} onClick={sign} data-test="sign">
          Make a link
        </Button>
      </div>
      {error !== undefined && <ErrorNote error={error} />}
      <ul class="signed">
        {urls.map((u) => (
          <li key={u.url}>
            <input readOnly aria-label="Signed URL" value={u.url} onFocus={(e) => e.currentTarget.select()} data-test="signed-url" />
            <CopyButton text={u.url} label="Copy the URL" />
            <span class="muted">
              ends <Countdown until={u.expires_at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
