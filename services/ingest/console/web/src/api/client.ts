// The one way to the server: a fetch that speaks the native API's envelope. The session cookie goes along by itself.

// Failure is what the API refused, or that it could not be reached (status 0).
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string,
    readonly retryAfter = 0, // seconds
  ) {
    super(message);
  }
}

interface Envelope {
  success: boolean;
  error?: { code: string; message: string; retry_after?: number };
}

// onSignedOut is told when the server knows the session no more.
let onSignedOut = () => {};
export function whenSignedOut(f: () => void): void {
  onSignedOut = f;
}

export interface Call {
  method?: string;
  query?: Record<string, string | number | undefined>;
  json?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export function address(path: string, query: Call["query"] = {}): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") q.set(name, String(value));
  }
  const text = q.toString();
  return "/v1" + path + (text ? "?" + text : "");
}

// call returns the whole body of an answer; undefined for one without a body. It throws a Failure.
export async function call<T>(path: string, { method = "GET", query, json, headers, signal }: Call = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address(path, query), {
      method,
      signal,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  } catch (err) {
    if (err instanceof DOMException && err.name === "AbortError") throw err;
    throw new Failure(0, "unreachable", "The server cannot be reached.", "");
  }
  if (answer.status === 204) return undefined as T;
  const text = await answer.text();
  const id = answer.headers.get("X-Request-Id") ?? "";
  if (!answer.ok) {
    const failure = refusal(answer.status, text, id);
    if (failure.status === 401 && path !== "/session") onSignedOut();
    throw failure;
  }
  try {
    return (text ? JSON.parse(text) : undefined) as T;
  } catch {
    throw new Failure(answer.status, "unexpected_answer", "The server's answer could not be read.", id);
  }
}

// refusal reads the body of an error answer, whatever it is.
export function refusal(status: number, text: string, requestId: string): Failure {
  try {
    const { error } = JSON.parse(text) as Envelope;
    if (error) return new Failure(status, error.code, error.message, requestId, error.retry_after);
  } catch {
    // Not one of the API's answers.
  }
  return new Failure(status, `http_${status}`, text.trim().slice(0, 200) || "The server gave no reason.", requestId);
}

// data is call for answers of the form {success, data}.
export async function data<T>(path: string, options?: Call): Promise<T> {
  return (await call<{ data: T }>(path, options)).data;
}
