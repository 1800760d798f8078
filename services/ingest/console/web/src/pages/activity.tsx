import { connection, recent } from "../state/live";
import type { LiveEvent } from "../api";
import { Command, Empty } from "../ui/bits";
import { bytes, clock, reasonText, when } from "../ui/format";
import { useGlide } from "../ui/glide";
import { fileLink } from "./file";

const facts: Record<string, [text: string, tone: string]> = {
  stored: ["Stored", "pending"],
  verified: ["Verified", "ready"],
  rejected: ["Rejected", "rejected"],
  failed: ["Failed", "failed"],
  variant_created: ["Rendered", "neutral"],
  updated: ["Updated", "neutral"],
  linked: ["Linked", "neutral"],
  unlinked: ["Unlinked", "neutral"],
  expired: ["Expired", "neutral"],
  deleted: ["Deleted", "neutral"],
};

export function ActivityPage() {
  const events = recent.value;
  const feed = useGlide<HTMLOListElement>();
  return (
    <div class="page">
      <header class="page-head">
        <h1>Activity</h1>
        <span class="muted">{connection.value === "live" ? "As it happens" : "Connecting"}</span>
      </header>
      {events.length > 0 ? (
        <ol ref={feed} class="feed" data-test="feed">
          {events.map((e) => (
            <Line key={e.id} event={e} />
          ))}
        </ol>
      ) : (
        <Empty title="Quiet so far">
          <p>Events appear here as they happen, from the moment the console was opened. The same stream in a terminal:</p>
          <Command text={`curl -N -H "X-API-Key: $KEY" ${location.origin}/v1/events`} />
        </Empty>
      )}
    </div>
  );
}

function Line({ event: e }: { event: LiveEvent }) {
  const fact = e.type.split(".").pop() ?? "";
  const [text, tone] = facts[fact] ?? [fact, "neutral"];
  const { file, variant } = e.data;
  return (
    <li data-fact={fact} data-name={file.name}>
      <time dateTime={e.time} title={when(e.time)}>
        {clock(e.time)}
      </time>
      <span class={`pill ${tone}`}>{text}</span>
      <a href={fileLink(e.subject)} class="feed-name">
        {file.name}
      </a>
      <span class="muted feed-note">{variant ? `${variant.name} ${variant.width} × ${variant.height}` : file.reason ? reasonText(file.reason) : bytes(file.size)}</span>
    </li>
  );
}
