import { useEffect, useState } from "preact/hooks";
import { files as api, type FileItem } from "../api";
import { refusal } from "../api/client";
import { ErrorNote, Thumb } from "../ui/bits";
import { bytes } from "../ui/format";

// shownPixels is the longest side of a preview: the server renders it, so that a phone does not load the original.
const shownPixels = 1600;
const headBytes = 16 << 10;

const rendered = /^image\/(jpeg|png|gif|webp|avif|heic|heif|tiff)$/;
const textual = /^(text\/|application\/(json|xml|rtf|javascript|x-ndjson|yaml))/;

// Preview shows a file as well as a browser can within the page's content security policy. PDF and office files it cannot: plug-ins are closed out.
export function Preview({ file }: { file: FileItem }) {
  const type = file.detected_type || file.mime_type;
  if (file.state !== "ready") return <Sheet file={file} text={file.state === "pending" ? "It can be seen when it is verified." : "It cannot be seen."} />;
  if (rendered.test(type) && file.image) return <Picture key={file.id} file={file} />;
  if (type.startsWith("video/")) {
    return (
      <div class="preview">
        <video src={api.download(file.id)} controls preload="metadata" />
      </div>
    );
  }
  if (type.startsWith("audio/")) {
    return (
      <div class="preview">
        <audio src={api.download(file.id)} controls preload="metadata" />
      </div>
    );
  }
  if (textual.test(type)) return <TextHead key={file.id} file={file} />;
  return <Sheet file={file} text="The browser cannot show this type here." />;
}

function Sheet({ file, text }: { file: FileItem; text: string }) {
  return (
    <div class="preview sheet-preview">
      <Thumb file={file} size={200} />
      <p class="muted">{text}</p>
    </div>
  );
}

function Picture({ file }: { file: FileItem }) {
  const [failed, setFailed] = useState(false);
  if (failed || !file.image) return <Sheet file={file} text="The picture could not be drawn." />;
  const { width, height } = file.image;
  const scale = Math.min(1, shownPixels / Math.max(width, height));
  const query = scale < 1 ? `?width=${shownPixels}&height=${shownPixels}` : "";
  return (
    <div class="preview picture">
      <img src={api.download(file.id) + query} width={Math.round(width * scale)} height={Math.round(height * scale)} alt={file.description || file.name} onError={() => setFailed(true)} />
    </div>
  );
}

// TextHead shows the beginning of a text.
function TextHead({ file }: { file: FileItem }) {
  const [text, setText] = useState<string>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const end = new AbortController();
    const read = async () => {
      const answer = await fetch(api.download(file.id), { headers: { Range: `bytes=0-${headBytes - 1}` }, signal: end.signal });
      if (!answer.ok) throw refusal(answer.status, await answer.text(), answer.headers.get("X-Request-Id") ?? "");
      setText(await answer.text());
    };
    read().catch((err: unknown) => end.signal.aborted || setError(err));
    return () => end.abort();
  }, [file.id]);
  return (
    <div class="preview text-preview">
      {error !== undefined && <ErrorNote error={error} />}
      <pre tabIndex={0}>{text}</pre>
      {file.size > headBytes && <p class="muted">The first {bytes(headBytes)}</p>}
    </div>
  );
}
