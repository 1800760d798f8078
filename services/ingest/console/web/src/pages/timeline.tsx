import { useEffect } from "preact/hooks";
import { files as api, type Step } from "../api";
import { ErrorNote } from "../ui/bits";
import { clock, reasonText, took, when } from "../ui/format";
import { useLoad } from "../ui/use";

const names: Record<string, string> = {
  promised: "Announced",
  announced: "Announced",
  received: "Received",
  finished: "Finished by the client",
  verified: "Verified",
  rejected: "Rejected",
  thumbnail: "Thumbnail made",
  replayed: "Begun again",
};

// Timeline shows what happened to a file, and how long each step took. Another version is read again.
export function Timeline({ id, version }: { id: string; version: number }) {
  const { value: steps, error, reload } = useLoad(() => api.timeline(id), [id]);
  useEffect(() => {
    if (version > 0) void reload();
  }, [version]);
  const begin = Date.parse(steps?.[0]?.at ?? "");
  return (
    <section class="panel">
      <h2>Timeline</h2>
      {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      <ol class="timeline" data-test="timeline">
        {steps?.map((s, i) => (
          <Line key={i} step={s} since={Date.parse(s.at) - begin} />
        ))}
      </ol>
    </section>
  );
}

function Line({ step, since }: { step: Step; since: number }) {
  const bad = /failed|rejected|lost|damaged/.test(step.what);
  return (
    <li class={bad ? "bad" : ""}>
      <span class="timeline-what">
        {names[step.what] ?? step.what[0]?.toUpperCase() + step.what.slice(1)}
        {step.attempt !== undefined && step.attempt > 1 && <span class="muted"> attempt {step.attempt}</span>}
        {step.note && <span class="muted"> {reasonText(step.note)}</span>}
      </span>
      <span class="timeline-took">{step.took_ms !== undefined && took(step.took_ms)}</span>
      <time class="timeline-at" dateTime={step.at} title={when(step.at)}>
        {since > 0 ? `+${took(since)}` : clock(step.at)}
      </time>
    </li>
  );
}
