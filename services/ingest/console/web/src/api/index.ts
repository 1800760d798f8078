import { call, data } from "./client";
import type { DeadLetter, Delivery, FileItem, Me, Page, SignedURL, Step, Storage, System, Webhook } from "./types";

export * from "./types";
export { Failure, address } from "./client";

const seg = encodeURIComponent;

export type Credentials = { api_key: string } | { email: string; password: string };

export interface FileQuery {
  q?: string;
  state?: string;
  type?: string;
  tag?: string;
  channel?: string;
}

export const session = {
  begin: (credentials: Credentials) => data<Me>("/session", { method: "POST", json: credentials }),
  end: () => call<void>("/session", { method: "DELETE" }),
  me: () => data<Me>("/me"),
};

export const files = {
  list: (query: FileQuery, cursor: string | undefined, limit: number, signal?: AbortSignal) =>
    call<Page<FileItem>>("/files", { query: { ...query, order: "desc", limit, cursor }, signal }),
  get: (id: string) => data<FileItem>(`/files/${seg(id)}`),
  timeline: (id: string) => data<Step[]>(`/files/${seg(id)}/timeline`),
  update: (id: string, change: { name?: string; description?: string }, sha256: string) =>
    data<FileItem>(`/files/${seg(id)}`, { method: "PATCH", json: change, headers: { "If-Match": `"${sha256}"` } }),
  remove: (id: string) => call<void>(`/files/${seg(id)}`, { method: "DELETE" }),
  sign: (id: string, seconds: number) => data<SignedURL>(`/files/${seg(id)}/sign`, { method: "POST", json: { expires_in: seconds } }),
  fetch: (from: { url: string; name?: string; expires_in?: number }, tag: string) =>
    data<FileItem>(tag ? `/tags/${seg(tag)}/files/from-url` : "/files/from-url", { method: "POST", json: { ...from, wait: false } }),
  download: (id: string) => `/v1/files/${seg(id)}/download`,
  thumbnail: (id: string, size?: number) => `/v1/files/${seg(id)}/thumbnail` + (size ? `?width=${size}&height=${size}` : ""),
};

export const storage = { get: () => data<Storage>("/storage") };

export interface WebhookDraft {
  url: string;
  events: string[];
  description?: string;
  tag?: string;
}

export const webhooks = {
  list: () => data<Webhook[]>("/webhooks"),
  get: (id: string) => data<Webhook>(`/webhooks/${seg(id)}`),
  create: (draft: WebhookDraft) => data<Webhook>("/webhooks", { method: "POST", json: draft }),
  update: (id: string, change: Partial<WebhookDraft> & { active?: boolean }) => data<Webhook>(`/webhooks/${seg(id)}`, { method: "PATCH", json: change }),
  remove: (id: string) => call<void>(`/webhooks/${seg(id)}`, { method: "DELETE" }),
  test: (id: string) => data<Delivery>(`/webhooks/${seg(id)}/test`, { method: "POST" }),
  rotate: (id: string, overlap: string) => data<Webhook>(`/webhooks/${seg(id)}/rotate`, { method: "POST", json: { overlap } }),
  deliveries: (id: string, state: string) => data<Delivery[]>(`/webhooks/${seg(id)}/deliveries`, { query: { state, limit: 50 } }),
  redrive: (id: string, delivery: string) => call<void>(`/webhooks/${seg(id)}/deliveries/${seg(delivery)}/redrive`, { method: "POST" }),
};

export const system = {
  get: () => data<System>("/system"),
  dead: (cursor?: string) => call<Page<DeadLetter>>("/system/dead", { query: { limit: 50, cursor } }),
  replay: (id: string) => call<void>(`/system/dead/${seg(id)}/replay`, { method: "POST" }),
  drop: (id: string) => call<void>(`/system/dead/${seg(id)}`, { method: "DELETE" }),
};
