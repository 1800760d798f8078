import { storage } from "../api";
import { onEvent, onGap } from "../state/live";
import { me } from "../state/session";
import { Command, ErrorNote, Meter } from "../ui/bits";
import { bytes } from "../ui/format";
import { useLoad } from "../ui/use";
import { useEffect } from "preact/hooks";

export function StoragePage() {
  const { value, error, reload } = useLoad(storage.get, []);
  useEffect(() => {
    const stopEvents = onEvent((e) => /stored|deleted|expired|rejected/.test(e.type) && void reload());
    const stopGaps = onGap(() => void reload());
    return () => {
      stopEvents();
      stopGaps();
    };
  }, [reload]);
  const who = me.value;
  const limited = value !== undefined && value.max_storage > 0;
  const asked = value !== undefined || error !== undefined;
  return (
    <div class="page narrow" aria-busy={!asked}>
      <header class="page-head">
        <h1>Storage</h1>
      </header>
      {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      {value && (
        <section class="panel storage-panel">
          <p class="big-number">
            {bytes(value.used)}
            <span class="muted">{limited ? ` of ${bytes(value.max_storage)}` : " stored, without a limit"}</span>
          </p>
          {limited && <Meter share={(value.used + value.held) / value.max_storage} label="Storage used" />}
          <dl class="facts">
            <dt>Stored</dt>
            <dd>{bytes(value.used)}</dd>
            <dt>Held for uploads under way</dt>
            <dd>{bytes(value.held)}</dd>
            {limited && (
              <>
                <dt>Free</dt>
                <dd>{bytes(Math.max(0, value.max_storage - value.used - value.held))}</dd>
              </>
            )}
            <dt>Largest file</dt>
            <dd>{value.max_file_size > 0 ? bytes(value.max_file_size) : "No limit"}</dd>
          </dl>
        </section>
      )}
      {asked && who && (
        <section class="panel">
          <h2>Who you are</h2>
          <dl class="facts">
            <dt>{who.kind === "user" ? "User" : "API key"}</dt>
            <dd>{who.name || who.id}</dd>
            {who.email && (
              <>
                <dt>E-mail</dt>
                <dd>{who.email}</dd>
              </>
            )}
            <dt>Tenant</dt>
            <dd>{who.tenant}</dd>
            <dt>Plan</dt>
            <dd>{who.plan}</dd>
            <dt>Scopes</dt>
            <dd>{who.scopes?.length ? who.scopes.join(", ") : "By role"}</dd>
            <dt>APIs</dt>
            <dd>{who.dialects.join(", ")}</dd>
            <dt>Version</dt>
            <dd>{who.version}</dd>
          </dl>
        </section>
      )}
      {asked && (
        <>
          <p class="muted">The same figures in a terminal:</p>
          <Command text={`curl -H "X-API-Key: $KEY" ${location.origin}/v1/storage`} />
        </>
      )}
    </div>
  );
}
