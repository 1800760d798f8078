import { useEffect, useState } from "preact/hooks";
import { files as api, Failure, type FileItem } from "../api";
import { onEvent, onGap } from "../state/live";
import { go, link } from "../state/route";
import { say } from "../state/toasts";
import { Ago, Button, Confirm, CopyButton, Empty, ErrorNote, StatePill, useTick } from "../ui/bits";
import { bytes, count, reasonText, span, when } from "../ui/format";
import { I } from "../ui/icons";
import { useLoad } from "../ui/use";
import { Edit } from "./edit";
import { Preview } from "./preview";
import { Sign } from "./sign";
import { Timeline } from "./timeline";

export function FilePage({ id }: { id: string }) {
  const { value: file, error, reload, set } = useLoad(() => api.get(id), [id]);
  const [gone, setGone] = useState("");
  const [asking, setAsking] = useState(false);
  const [version, setVersion] = useState(0); // of the timeline
  useEffect(() => {
    const again = () => {
      void reload();
      setVersion((v) => v + 1);
    };
    const stopEvents = onEvent((e) => {
      if ("file_" + e.subject !== id) return;
      if (/\.(deleted|expired)$/.test(e.type)) setGone(e.type.endsWith("expired") ? "expired" : "deleted");
      else again();
    });
    const stopGaps = onGap(again);
    return () => (stopEvents(), stopGaps());
  }, [id, reload]);

  const missing = gone || (error instanceof Failure && error.status === 404 ? "missing" : "");
  if (missing) {
    return (
      <div class="page">
        <Back />
        <Empty title={{ expired: "This file has expired", deleted: "This file was deleted" }[missing] ?? "There is no such file"}>
          <p>It cannot be brought back.</p>
          <Button onClick={() => go("#/")}>All files</Button>
        </Empty>
      </div>
    );
  }
  if (!file) {
    return (
      <div class="page" aria-busy={!error}>
        <Back />
        {error !== undefined && <ErrorNote error={error} retry={() => void reload()} />}
      </div>
    );
  }
  const remove = async () => {
    await api.remove(file.id);
    say("The file is deleted.");
    go("#/");
  };
  return (
    <div class="page file-page">
      <header class="page-head">
        <Back />
        <h1 class="break" title={file.name}>
          {file.name}
        </h1>
        <StatePill state={file.state} />
        <span class="spacer" />
        {file.state === "ready" && (
          <a class="button" href={api.download(file.id)} download={file.original_name}>
            <I name="download" size={16} />
            Download
          </a>
        )}
        <Button icon="trash" onClick={() => setAsking(true)} data-test="delete" aria-label="Delete" title="Delete" />
      </header>
      {file.reason && (
        <p class="verdict" role="status">
          <I name="warning" size={16} />
          {reasonText(file.reason)} <code>{file.reason}</code>
        </p>
      )}
      <div class="file-columns">
        <div class="file-main">
          <Preview file={file} />
          <Timeline id={file.id} version={version} />
        </div>
        <div class="file-side">
          <Edit file={file} onChange={set} />
          <Facts file={file} />
          {file.state === "ready" && <Sign id={file.id} />}
        </div>
      </div>
      {asking && <Confirm title="Delete this file?" text="It cannot be brought back, and links to it end at once." action="Delete" onConfirm={remove} onClose={() => setAsking(false)} />}
    </div>
  );
}

function Back() {
  return (
    <a class="button quiet square" href="#/" aria-label="Back to the files" title="Back to the files">
      <I name="back" size={16} />
    </a>
  );
}

function Facts({ file }: { file: FileItem }) {
  return (
    <section class="panel">
      <h2>Details</h2>
      <dl class="facts">
        <dt>Size</dt>
        <dd title={`${file.size.toLocaleString("en")} bytes`}>{bytes(file.size)}</dd>
        <dt>Type</dt>
        <dd>{file.detected_type || file.mime_type}</dd>
        {file.image && (
          <>
            <dt>Picture</dt>
            <dd>
              {file.image.width} × {file.image.height}
              {file.image.frames > 1 && ` · ${file.image.frames} frames`}
            </dd>
          </>
        )}
        <dt>File name</dt>
        <dd class="break">{file.original_name}</dd>
        {file.tag_id && (
          <>
            <dt>Tag</dt>
            <dd>
              <a href={`#/?tag=${encodeURIComponent(file.tag_id)}`}>{file.tag_id}</a>
            </dd>
          </>
        )}
        {file.parent && !file.tag_id && (
          <>
            <dt>Belongs to</dt>
            <dd>
              {file.parent.kind} {file.parent.kind === "channel" ? <a href={`#/?channel=${encodeURIComponent(file.parent.id)}`}>{file.parent.id}</a> : file.parent.id}
            </dd>
          </>
        )}
        <dt>Added</dt>
        <dd>
          <Ago time={file.created_at} />
        </dd>
        {file.expires_at && (
          <>
            <dt>Expires</dt>
            <dd>
              <Countdown until={file.expires_at} />
            </dd>
          </>
        )}
        {file.download_count !== undefined && (
          <>
            <dt>Downloads</dt>
            <dd>{count(file.download_count, "time")}</dd>
          </>
        )}
        {file.links.length > 0 && (
          <>
            <dt>Linked to</dt>
            <dd>{file.links.map((l) => `${l.type} ${l.id}`).join(", ")}</dd>
          </>
        )}
        <dt>Id</dt>
        <dd class="copyable">
          <code>{file.id}</code>
          <CopyButton text={file.id} label="Copy the id" />
        </dd>
        {file.sha256 && (
          <>
            <dt>SHA-256</dt>
            <dd class="copyable">
              <code>{file.sha256}</code>
              <CopyButton text={file.sha256} label="Copy the SHA-256" />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

export function Countdown({ until }: { until: string }) {
  const left = (Date.parse(until) - useTick(1000)) / 1000;
  return (
    <time dateTime={until} title={when(until)} class={left < 3600 ? "soon" : ""}>
      {left > 0 ? `in ${span(left)}` : "ended"}
    </time>
  );
}

export const fileLink = (id: string): string => link("files", "file_" + id);
