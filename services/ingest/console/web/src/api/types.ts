// What the native API answers, as docs/api.md has it. Times are RFC 3339 in UTC, sizes are bytes.

export type State = "temp" | "pending" | "ready" | "rejected" | "failed";

export interface Link {
  type: string;
  id: string;
}

export interface FileItem {
  id: string; // file_<ULID>
  number: number;
  name: string;
  original_name: string;
  description?: string;
  mime_type: string;
  detected_type?: string;
  size: number;
  state: State;
  reason?: string;
  sha256: string;
  path: string;
  created_at: string;
  updated_at?: string;
  expires_at?: string;
  tag_id?: string;
  parent?: { kind: string; id: string };
  thumbnail?: "none" | "owed" | "made" | "failed";
  thumbnail_url?: string;
  download_count?: number;
  image?: { width: number; height: number; frames: number };
  links: Link[];
}

export interface Page<T> {
  data: T[];
  pagination?: { total: number; limit: number; has_more: boolean; next_cursor?: string; total_capped?: boolean };
}

export interface Step {
  at: string;
  what: string;
  took_ms?: number;
  attempt?: number;
  note?: string;
}

export interface SignedURL {
  id: string;
  url: string;
  expires_at: string;
}

export interface Me {
  id: string;
  kind: string;
  name: string;
  email?: string;
  tenant: string;
  plan: string;
  scopes: string[];
  operator: boolean;
  limits: { max_file_size: number; max_storage: number };
  version: string;
  dialects: string[];
}

export interface Storage {
  used: number;
  held: number;
  max_storage: number; // 0 is unlimited
  max_file_size: number; // 0 is unlimited
}

// LiveEvent is a CloudEvent; docs/events.md describes it.
export interface LiveEvent {
  id: string;
  type: string; // inlet.v1.file.stored
  subject: string; // the ULID of the file
  time: string;
  data: { file: EventFile; rev: number; variant?: { name: string; width: number; height: number } };
}

// EventFile is the public view of a file in an event.
export interface EventFile {
  id: string;
  number: number;
  name: string;
  state: State | "deleting" | "gone";
  reason?: string;
  size: number;
  parent?: { kind: string; id: string };
}

export interface Queue {
  name: string;
  pending: number;
  in_flight: number;
  redelivered: number;
  waiting: number;
}

export interface System {
  version: string;
  started_at: string;
  uptime_s: number;
  dialects: string[];
  bus: { ok: boolean; error?: string };
  queues?: Queue[];
  outbox?: { oldest_at?: string; age_s?: number };
  due?: Record<string, number | null>;
  dead?: { count: number };
  disk?: { free: number; total: number };
}

export interface DeadLetter {
  id: string;
  queue: string;
  event_type: string;
  file_id: string;
  tenant: string;
  attempts: number;
  error: string;
  at: string;
}

export interface Webhook {
  id: string;
  url: string;
  events: string[];
  description?: string;
  tag?: string;
  active: boolean;
  disabled_reason?: string;
  secrets: { id: string; created_at: string; expires_at?: string }[];
  secret?: string; // only in the answers to create and rotate
  created_at: string;
  updated_at: string;
  last_delivery_at?: string;
  failing_since?: string;
}

export interface Delivery {
  id: string;
  event_id: string;
  event_type: string;
  file_id?: string;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  next_at?: string;
  last_status?: number;
  last_error?: string;
  created_at: string;
  delivered_at?: string;
}
