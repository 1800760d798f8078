// Uploads: Uppy's core and its tus plugin do the work, this gives them the product's rules and shows their state as signals. An upload outlives a
// broken connection, a restart of the server, and a reload of the page.
import { computed, signal } from "@preact/signals";
import Uppy, { type Body, type Meta, type UppyFile } from "@uppy/core";
import Tus from "@uppy/tus";
import { files as api, Failure, type State } from "../api";
import { refusal } from "../api/client";
import { keep, kept, unkeep } from "./kept";
import { onEvent, onGap } from "./live";
import { me } from "./session";
import { endWhenStalled } from "./stall";

export interface Upload {
  id: string;
  name: string;
  size: number; // bytes; 0 for one from a URL
  sent: number; // bytes
  phase: "waiting" | "sending" | "paused" | "failed" | "stored";
  error?: unknown;
  fileId?: string; // when stored
  state?: State; // of the file
  reason?: string;
}

export interface Options {
  tag: string;
  expiresIn: number; // seconds; 0 is never
  name: string; // to show
}

export const uploads = signal<Upload[]>([]);
export const drawerOpen = signal(false);
export const options = signal<Options>({ tag: "", expiresIn: 0, name: "" });

export const active = computed(() => uploads.value.filter((u) => u.phase === "waiting" || u.phase === "sending"));

type UploadMeta = Meta & { filename: string; filetype: string; name?: string; tag?: string; expires_in?: string };
type UploadFile = UppyFile<UploadMeta, Body>;

// A restart of the server takes seconds, a lost network minutes: nothing that time can mend fails before eight minutes without progress.
const retryDelays = [0, 500, 1000, 2000, 3000, 5000, ...Array<number>(48).fill(10_000)];

// What goes wrong is shown beside the upload, with what to do.
const silent = { debug() {}, warn() {}, error() {} };

const uppy = new Uppy<UploadMeta, Body>({ autoProceed: true, logger: silent }).use(Tus, {
  endpoint: "/v1/uploads",
  chunkSize: 32 << 20, // bytes in one request: a server that is drained ends requests that are longer than its patience
  limit: 3, // at once: a browser opens six connections to a server
  retryDelays,
  removeFingerprintOnSuccess: true,
  allowedMetaFields: ["filename", "filetype"],
  onBeforeRequest: (request) => endWhenStalled(request.getUnderlyingObject() as XMLHttpRequest),
});

function change(id: string, with_: Partial<Upload>): void {
  uploads.value = uploads.value.map((u) => (u.id === id ? { ...u, ...with_ } : u));
}

// Those that have started may wait for others to end.
uppy.on("upload-start", (started) => started.forEach((f) => change(f.id, { phase: f.isPaused ? "paused" : "waiting", error: undefined })));
uppy.on("upload-progress", (f, p) => {
  if (f && !uppy.getFile(f.id)?.isPaused) change(f.id, { sent: p.bytesUploaded || 0, phase: "sending" });
});
uppy.on("upload-error", (f, error) => {
  if (f) change(f.id, { phase: "failed", error: reason(error) });
});
uppy.on("upload-success", (f, answer) => {
  if (!f) return;
  const xhr = answer.body?.["xhr"] as XMLHttpRequest | undefined;
  stored(f.id, xhr?.getResponseHeader("Inlet-File-Id") ?? "");
  setTimeout(() => uppy.removeFile(f.id)); // when Uppy is done with it: the same file may be sent again
});
uppy.on("file-removed", (f) => void unkeep(f.id));

// reason turns tus's error into one of the API's.
function reason(error: { message: string; originalResponse?: { getStatus(): number; getBody(): string; getHeader(name: string): string | undefined } | null }): Failure {
  const answer = error.originalResponse;
  if (answer) return refusal(answer.getStatus(), answer.getBody(), answer.getHeader("X-Request-Id") ?? "");
  return new Failure(0, "unreachable", "The server could not be reached.", "");
}

function stored(id: string, fileId: string): void {
  const ulid = fileId.replace(/^file_/, "");
  if (!ulid) return change(id, { phase: "stored" });
  change(id, { phase: "stored", fileId: "file_" + ulid, state: "pending", error: undefined });
  inquire(id, "file_" + ulid); // the events may have been faster than the answer to the upload
}

// inquire asks what has become of a file. The events may be faster than the answer.
function inquire(id: string, fileId: string): void {
  const judged = () => uploads.value.some((u) => u.id === id && u.state !== "pending");
  void api.get(fileId).then((f) => judged() || change(id, { state: f.state, reason: f.reason }), () => {});
}

onGap(() => {
  for (const u of uploads.value) if (u.fileId && u.state === "pending") inquire(u.id, u.fileId);
});
onEvent((e) => {
  const u = uploads.value.find((u) => u.fileId === "file_" + e.subject);
  const state = e.data.file.state;
  if (u && state !== "deleting" && state !== "gone") change(u.id, { state, reason: e.data.file.reason });
});

// add begins to upload files, under the options of the moment.
export function add(files: readonly File[]): void {
  if (!files.length) return;
  const { tag, expiresIn, name } = options.value;
  const limit = me.value?.limits.max_file_size ?? 0;
  drawerOpen.value = true;
  files.forEach((file, i) => {
    if (limit > 0 && file.size > limit) {
      const error = new Failure(400, "file_too_large", "The file is larger than your plan allows.", "");
      list({ id: crypto.randomUUID(), name: file.name, size: file.size, sent: 0, phase: "failed", error });
      return;
    }
    const meta: UploadMeta = { filename: file.name, filetype: file.type || "application/octet-stream" };
    if (name) meta.name = files.length > 1 ? `${name} (${i + 1})` : name;
    if (tag) meta.tag = tag;
    if (expiresIn) meta.expires_in = String(expiresIn);
    begin(file, meta);
  });
  options.value = { ...options.value, name: "" };
}

function begin(file: File, meta: UploadMeta): void {
  // Uppy takes the name of meta for the file's own.
  const { name, ...rest } = meta;
  let id: string;
  try {
    id = uppy.addFile({ name: file.name, type: file.type, data: file, meta: rest as UploadMeta });
  } catch {
    return; // it is on its way already
  }
  if (name) uppy.setFileMeta(id, { ...rest, name } as UploadMeta);
  const fields = Object.keys(meta);
  uppy.setFileState(id, { tus: { allowedMetaFields: fields } } as Partial<UploadFile>);
  list({ id, name: name || file.name, size: file.size, sent: 0, phase: "waiting" });
  void keep({ id, file, meta });
}

function list(u: Upload): void {
  uploads.value = [u, ...uploads.value.filter((other) => other.id !== u.id)];
}

// resume takes up what a reload of the page has cut off.
export async function resume(): Promise<void> {
  const found = await kept();
  for (const { file, meta } of found) begin(file, meta as UploadMeta);
}

// fetchURL has the server fetch a file.
export async function fetchURL(url: string): Promise<void> {
  const { tag, expiresIn, name } = options.value;
  const file = await api.fetch({ url, ...(name ? { name } : {}), ...(expiresIn ? { expires_in: expiresIn } : {}) }, tag);
  list({ id: file.id, name: file.name || url, size: 0, sent: 0, phase: "stored", fileId: file.id, state: file.state, reason: file.reason });
  options.value = { ...options.value, name: "" };
}

export function pause(id: string): void {
  const paused = uppy.pauseResume(id);
  change(id, { phase: paused ? "paused" : "sending" });
}

export function retry(id: string): void {
  change(id, { phase: "waiting", error: undefined });
  if (uppy.getFile(id)) void uppy.retryUpload(id);
}

// cancel ends an upload and takes it off the list; one that is stored stays stored.
export function cancel(id: string): void {
  if (uppy.getFile(id)) uppy.removeFile(id);
  uploads.value = uploads.value.filter((u) => u.id !== id);
}

export function clearDone(): void {
  uploads.value = uploads.value.filter((u) => u.phase !== "stored");
}

export const canRetry = (id: string): boolean => uppy.getFile(id) !== undefined;
