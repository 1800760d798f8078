import { useState } from "preact/hooks";
import { webhooks as api, type Delivery, type Webhook } from "../api";
import { go } from "../state/route";
import { say } from "../state/toasts";
import { Ago, Button, Confirm, Empty, ErrorNote } from "../ui/bits";
import { count } from "../ui/format";
import { useGlide } from "../ui/glide";
import { I } from "../ui/icons";
import { useInterval, useLoad } from "../ui/use";
import { eventsText, Secret, WebhookState } from "./webhooks";

export function WebhookPage({ id }: { id: string }) {
  const { value: webhook, error, reload, set } = useLoad(() => api.get(id), [id]);
  const [asking, setAsking] = useState(false);
  const [rotated, setRotated] = useState<Webhook>();
  const [turn, setTurn] = useState(0); // one more after each test
  const attempt = (what: () => Promise<void>, trouble: string) => what().catch((err: unknown) => say(trouble, err));
  if (!webhook) return <div class="page">{error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}</div>;
  const test = () =>
    attempt(async () => {
      await api.test(id);
      setTurn((t) => t + 1);
      say("A test event is on its way.");
    }, "The test event was not sent.");
  const rotate = () => attempt(async () => setRotated(await api.rotate(id, "24h")), "The secret is still the old one.");
  const switchOver = () => attempt(async () => set(await api.update(id, { active: !webhook.active })), "Nothing has changed.");
  return (
    <div class="page">
      <header class="page-head">
        <a class="button quiet square" href="#/webhooks" aria-label="Back to the webhooks">
          <I name="back" size={16} />
        </a>
        <h1 class="break">{webhook.url}</h1>
        <WebhookState webhook={webhook} />
        <span class="spacer" />
        <Button onClick={test} data-test="test-webhook">
          Send a test
        </Button>
        <Button onClick={rotate}>New secret</Button>
        <Button onClick={switchOver}>{webhook.active ? "Switch off" : "Switch on"}</Button>
        <Button icon="trash" aria-label="Delete" title="Delete" onClick={() => setAsking(true)} />
      </header>
      {webhook.disabled_reason && (
        <p class="verdict">
          <I name="warning" size={16} />
          Switched off: {webhook.disabled_reason}
        </p>
      )}
      <section class="panel">
        <dl class="facts">
          <dt>Events</dt>
          <dd>{eventsText(webhook)}</dd>
          {webhook.tag && (
            <>
              <dt>Only tag</dt>
              <dd>{webhook.tag}</dd>
            </>
          )}
          {webhook.description && (
            <>
              <dt>Description</dt>
              <dd>{webhook.description}</dd>
            </>
          )}
          <dt>Secrets</dt>
          <dd>
            {count(webhook.secrets?.length ?? 0, "secret")}
            {webhook.secrets?.some((s) => s.expires_at) && ", the old one until its overlap ends"}
          </dd>
          {webhook.failing_since && (
            <>
              <dt>Failing since</dt>
              <dd>
                <Ago time={webhook.failing_since} />
              </dd>
            </>
          )}
        </dl>
      </section>
      <Deliveries webhook={id} turn={turn} />
      {rotated && <Secret webhook={rotated} onClose={() => (setRotated(undefined), void reload())} />}
      {asking && (
        <Confirm
          title="Delete this webhook?"
          text="Deliveries that are still to be made are dropped."
          action="Delete"
          onConfirm={async () => {
            await api.remove(id);
            go("#/webhooks");
          }}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

const filters: [string, string][] = [
  ["", "All"],
  ["pending", "Pending"],
  ["delivered", "Delivered"],
  ["failed", "Failed"],
];

function Deliveries({ webhook, turn }: { webhook: string; turn: number }) {
  const [state, setState] = useState("");
  const { value: list, error, reload } = useLoad(() => api.deliveries(webhook, state), [webhook, state, turn]);
  useInterval(() => void reload(), 2000);
  const rows = useGlide<HTMLTableSectionElement>();
  const redrive = (d: Delivery) =>
    api.redrive(webhook, d.id).then(
      () => reload(),
      (err: unknown) => say("It was not sent again.", err),
    );
  return (
    <section>
      <div class="section-head">
        <h2>Deliveries</h2>
        <div class="segments" role="radiogroup" aria-label="State of deliveries">
          {filters.map(([value, text]) => (
            <button key={value} type="button" role="radio" aria-checked={state === value} onClick={() => setState(value)}>
              {text}
            </button>
          ))}
        </div>
      </div>
      {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      {list?.length === 0 && (
        <Empty title="No deliveries">
          <p>Upload a file, or send a test.</p>
        </Empty>
      )}
      {list && list.length > 0 && (
        <table class="table" data-test="deliveries">
          <thead>
            <tr>
              <th>Event</th>
              <th>State</th>
              <th class="number">Attempts</th>
              <th class="wide-only">Answer</th>
              <th>When</th>
              <th />
            </tr>
          </thead>
          <tbody ref={rows}>
            {list.map((d) => (
              <tr key={d.id} data-state={d.state}>
                <td>
                  <code>{d.event_type.replace(/^inlet\.v1\./, "")}</code>
                </td>
                <td>
                  <span class={`pill ${{ pending: "pending", delivered: "ready", failed: "failed" }[d.state]}`}>{d.state}</span>
                </td>
                <td class="number">{d.attempts}</td>
                <td class="wide-only muted break">{[d.last_status || "", d.last_error].filter(Boolean).join(" ")}</td>
                <td class="muted">
                  <Ago time={d.delivered_at ?? d.created_at} />
                </td>
                <td class="number">{d.state === "failed" && <Button icon="retry" aria-label="Send again" title="Send again" onClick={() => void redrive(d)} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
