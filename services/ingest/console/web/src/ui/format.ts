// How sizes, times and types are written.

const units = ["B", "KB", "MB", "GB", "TB"];

// bytes writes a size in powers of 1024.
export function bytes(n: number): string {
  let i = 0;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

export function count(n: number, one: string, many = one + "s"): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

// ago writes how far a time is from now, in either direction.
export function ago(time: string, now = Date.now()): string {
  const s = (Date.parse(time) - now) / 1000;
  for (const [unit, length] of steps) {
    if (Math.abs(s) >= length) return relative.format(Math.trunc(s / length), unit);
  }
  return s > 0 ? `in ${Math.ceil(s)} s` : "just now";
}

// span writes a length of time in its two largest units.
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

export function took(ms: number): string {
  return ms < 1 ? "< 1 ms" : ms < 1000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
}

const dateTime = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

export function when(time: string): string {
  return dateTime.format(new Date(time));
}

export function clock(time: string): string {
  const d = new Date(time);
  return d.toLocaleTimeString("en-GB") + "." + String(d.getMilliseconds()).padStart(3, "0");
}

// extension is what a file's kind is called: at most four capitals.
export function extension(name: string, type: string): string {
  const ext = /\.([A-Za-z0-9]{1,5})$/.exec(name)?.[1] ?? type.split("/")[1]?.split(/[.+;]/).pop() ?? "";
  return ext.slice(0, 4).toUpperCase() || "FILE";
}

// reasons says what a verdict's reason means.
const reasons: Record<string, string> = {
  type_mismatch: "The bytes are not what the name claims",
  corrupt: "The file is damaged",
  image_too_large: "The picture has too many pixels",
  archive_unsafe: "The archive is not safe to open",
  xml_unsafe: "The XML refers to other documents",
  encrypted: "The file is encrypted and cannot be checked",
  infected: "The virus scanner has found something",
  lost: "The bytes are missing from the store",
  damaged: "The bytes in the store have changed",
  fetch_failed: "The URL broke off",
  fetch_timeout: "The URL took too long",
  invalid_url: "The URL cannot be fetched",
};

export function reasonText(reason: string): string {
  return reasons[reason] ?? reason.replaceAll("_", " ");
}
