import { system as api, type DeadLetter, type System } from "../api";
import { say } from "../state/toasts";
import { Ago, Button, Empty, ErrorNote } from "../ui/bits";
import { bytes, count, span } from "../ui/format";
import { useInterval, useLoad } from "../ui/use";
import { fileLink } from "./file";

export function SystemPage() {
  const { value, error, reload } = useLoad(api.get, []);
  const asked = value !== undefined || error !== undefined;
  useInterval(() => void reload(), 3000);
  return (
    <div class="page" aria-busy={!asked}>
      <header class="page-head">
        <h1>System</h1>
        <span class="muted">{value && `${value.version} · up ${span(value.uptime_s)}`}</span>
      </header>
      {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      {value && (
        <>
          <Tiles system={value} />
          <Queues system={value} />
        </>
      )}
      {asked && <DeadLetters />}
    </div>
  );
}

// tooLate is the age in seconds from which work that waits deserves a look; docs/operating.md has the reasons.
const tooLate = 60;

function Tiles({ system: s }: { system: System }) {
  const outbox = s.outbox?.age_s ?? 0;
  const dead = s.dead?.count;
  return (
    <div class="tiles">
      <Tile name="Event bus" value={s.bus.ok ? "Up" : "Out"} note={s.bus.error ?? "JetStream answers"} bad={!s.bus.ok} />
      <Tile name="Oldest unpublished event" value={s.outbox === undefined ? "Unknown" : s.outbox.oldest_at ? span(outbox) : "None"} note="Waits in a record's outbox" bad={outbox > tooLate} />
      <Tile name="Dead letters" value={dead === undefined ? "Unknown" : dead.toLocaleString("en")} note="Work that was given up" bad={(dead ?? 0) > 0} />
      {s.disk && <Tile name="Disk" value={bytes(s.disk.free)} note={`free of ${bytes(s.disk.total)}`} bad={s.disk.free < s.disk.total / 20} />}
    </div>
  );
}

function Tile({ name, value, note, bad }: { name: string; value: string; note: string; bad: boolean }) {
  return (
    <div class={`tile ${bad ? "bad" : ""}`}>
      <h2>{name}</h2>
      <p class="tile-value">{value}</p>
      <p class="muted">{note}</p>
    </div>
  );
}

const works: Record<string, string> = { verify: "Verification", thumbnail: "Thumbnails", fetch: "Fetches by URL", erase: "Removal of bytes", expiry: "Expiry" };

function Queues({ system: s }: { system: System }) {
  return (
    <div class="two-columns">
      <section>
        <h2>Queues</h2>
        <table class="table">
          <thead>
            <tr>
              <th>Name</th>
              <th class="number">Pending</th>
              <th class="number">In flight</th>
              <th class="number">Again</th>
              <th class="number">Workers waiting</th>
            </tr>
          </thead>
          <tbody>
            {(s.queues ?? []).map((q) => (
              <tr key={q.name}>
                <td>{q.name}</td>
                <td class="number">{q.pending}</td>
                <td class="number">{q.in_flight}</td>
                <td class="number">{q.redelivered}</td>
                <td class="number">{q.waiting}</td>
              </tr>
            ))}
            {!s.queues?.length && (
              <tr>
                <td colSpan={5} class="muted">
                  Unknown while the bus is out
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </section>
      <section>
        <h2>Oldest work</h2>
        <table class="table">
          <thead>
            <tr>
              <th>Work</th>
              <th class="number">Waits for</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(works).map(([key, name]) => {
              const age = s.due?.[key];
              return (
                <tr key={key}>
                  <td>{name}</td>
                  <td class={`number ${(age ?? 0) > tooLate ? "late" : ""}`}>{age === undefined || age === null ? "Unknown" : age > 0 ? span(age) : "Nothing waits"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </div>
  );
}

function DeadLetters() {
  const { value: page, error, reload } = useLoad(() => api.dead(), []);
  useInterval(() => void reload(), 10_000);
  const act = (what: Promise<void>, trouble: string) =>
    void what.then(reload, (err: unknown) => {
      say(trouble, err);
    });
  const list: DeadLetter[] = page?.data ?? [];
  return (
    <section>
      <div class="section-head">
        <h2>Dead letters</h2>
        <span class="muted">{list.length > 0 && count(list.length, "letter")}</span>
      </div>
      {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      {page && list.length === 0 && (
        <Empty title="Nothing was given up">
          <p>Work that fails six times comes here, with the reason, and can be begun again.</p>
        </Empty>
      )}
      {list.length > 0 && (
        <table class="table">
          <thead>
            <tr>
              <th>Queue</th>
              <th>File</th>
              <th class="wide-only">Error</th>
              <th class="number">Attempts</th>
              <th class="wide-only">When</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {list.map((d) => (
              <tr key={d.id}>
                <td>{d.queue}</td>
                <td>
                  <a href={fileLink(d.file_id.replace(/^file_/, ""))}>
                    <code>{d.file_id}</code>
                  </a>
                </td>
                <td class="wide-only muted break">{d.error}</td>
                <td class="number">{d.attempts}</td>
                <td class="wide-only muted">
                  <Ago time={d.at} />
                </td>
                <td class="number row-tools">
                  <Button icon="retry" onClick={() => act(api.replay(d.id), "It was not begun again.")}>
                    Replay
                  </Button>
                  <Button icon="trash" aria-label="Drop the letter" title="Drop the letter" onClick={() => act(api.drop(d.id), "The letter is still there.")} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
