import { useState } from "preact/hooks";
import { webhooks as api, type Webhook } from "../api";
import { go, link } from "../state/route";
import { Ago, Button, Command, CopyButton, Dialog, Empty, ErrorNote, Field } from "../ui/bits";
import { useLoad } from "../ui/use";

const facts = ["stored", "verified", "rejected", "failed", "variant_created", "updated", "linked", "unlinked", "expired", "deleted"];

export function WebhooksPage() {
  const { value: list, error, reload } = useLoad(api.list, []);
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Webhook>();
  return (
    <div class="page">
      <header class="page-head">
        <h1>Webhooks</h1>
        <span class="spacer" />
        <Button kind="primary" icon="plus" onClick={() => setCreating(true)} data-test="new-webhook">
          New webhook
        </Button>
      </header>
      {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      {list && list.length > 0 && (
        <ul class="rows">
          {list.map((w) => (
            <li key={w.id}>
              <a href={link("webhooks", w.id)}>
                <WebhookState webhook={w} />
                <span class="rows-main">
                  <strong class="break">{w.url}</strong>
                  <span class="muted">{w.description || eventsText(w)}</span>
                </span>
                <span class="muted wide-only">{w.last_delivery_at ? <Ago time={w.last_delivery_at} /> : "No delivery yet"}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {list?.length === 0 && (
        <Empty title="No webhooks">
          <p>A webhook gets every event you choose, signed by Standard Webhooks, and again until it answers with 2xx.</p>
          <Command text={`curl -H "X-API-Key: $KEY" --json '{"url":"https://example.com/hook","events":["*"]}' ${location.origin}/v1/webhooks`} />
        </Empty>
      )}
      {creating && (
        <Create
          onClose={() => setCreating(false)}
          onMade={(w) => {
            setCreating(false);
            setMade(w);
            void reload();
          }}
        />
      )}
      {made && <Secret webhook={made} onClose={() => go(link("webhooks", made.id))} />}
    </div>
  );
}

export const eventsText = (w: Webhook): string => (w.events.includes("*") ? "All events" : w.events.join(", "));

export function WebhookState({ webhook: w }: { webhook: Webhook }) {
  if (!w.active) return <span class="pill rejected">Off</span>;
  if (w.failing_since) return <span class="pill pending">Failing</span>;
  return <span class="pill ready">On</span>;
}

function Create({ onClose, onMade }: { onClose: () => void; onMade: (w: Webhook) => void }) {
  const [all, setAll] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    setBusy(true);
    setError(undefined);
    try {
      const draft = { url: text("url"), events: all ? ["*"] : form.getAll("event").map(String) };
      onMade(await api.create({ ...draft, ...(text("description") && { description: text("description") }), ...(text("tag") && { tag: text("tag") }) }));
    } catch (err) {
      setError(err);
      setBusy(false);
    }
  };
  return (
    <Dialog title="New webhook" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="URL">
          <input name="url" type="url" required autofocus maxLength={2048} placeholder="https://example.com/hook" />
        </Field>
        <fieldset>
          <legend>Events</legend>
          <label class="check">
            <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} />
            All, and those that come to be
          </label>
          {!all && (
            <div class="checks">
              {facts.map((f) => (
                <label key={f} class="check">
                  <input type="checkbox" name="event" value={`file.${f}`} />
                  <code>file.{f}</code>
                </label>
              ))}
            </div>
          )}
        </fieldset>
        <Field label="Only for files with the tag" hint="Empty is for all files">
          <input name="tag" pattern="[A-Za-z0-9._\-]{1,128}" />
        </Field>
        <Field label="Description">
          <input name="description" maxLength={255} />
        </Field>
        {error !== undefined && <ErrorNote error={error} />}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

// Secret shows a secret, which the server never shows again.
export function Secret({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  return (
    <Dialog title="Keep this secret" onClose={onClose}>
      <p>Receivers check signatures with it. It is shown only now.</p>
      <div class="command">
        <code data-test="secret">{webhook.secret}</code>
        <CopyButton text={webhook.secret ?? ""} label="Copy the secret" />
      </div>
      <footer>
        <Button kind="primary" onClick={onClose} data-test="kept">
          I have kept it
        </Button>
      </footer>
    </Dialog>
  );
}
