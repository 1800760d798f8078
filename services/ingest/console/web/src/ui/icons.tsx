// The icons: 20 by 20, drawn with the colour of the text around them.
import type { ComponentChildren } from "preact";

function Icon({ children, size = 20 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const paths = {
  files: ["M3 6.5A1.5 1.5 0 0 1 4.5 5h3.2l1.8 2h6A1.5 1.5 0 0 1 17 8.5v6a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 14.5z"],
  activity: ["M2.5 10.5h3l2.5-6 4 11 2.5-5h3"],
  storage: ["M3.5 5.5c0-1.4 2.9-2.5 6.5-2.5s6.5 1.1 6.5 2.5S13.6 8 10 8 3.5 6.9 3.5 5.5z", "M3.5 5.5v9c0 1.4 2.9 2.5 6.5 2.5s6.5-1.1 6.5-2.5v-9", "M3.5 10c0 1.4 2.9 2.5 6.5 2.5s6.5-1.1 6.5-2.5"],
  webhook: ["M10 4.2a2.3 2.3 0 1 1 1 4.3l-2.3 4", "M5.8 15.8a2.3 2.3 0 1 1-.6-4.4", "M7.5 13.7H14a2.3 2.3 0 1 1-1.3 2.1", "M9.5 6.5l-2.3 4"],
  system: ["M3.5 4h13v5h-13z", "M3.5 11h13v5h-13z", "M6.2 6.5h.01", "M6.2 13.5h.01", "M9 6.5h4.5", "M9 13.5h4.5"],
  upload: ["M10 13V4", "M6.5 7.2 10 3.7l3.5 3.5", "M3.5 13v2A1.5 1.5 0 0 0 5 16.5h10a1.5 1.5 0 0 0 1.5-1.5v-2"],
  download: ["M10 4v9", "M6.5 9.5 10 13l3.5-3.5", "M3.5 13v2A1.5 1.5 0 0 0 5 16.5h10a1.5 1.5 0 0 0 1.5-1.5v-2"],
  search: ["M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11z", "M13 13l3.5 3.5"],
  grid: ["M3.5 3.5h5v5h-5z", "M11.5 3.5h5v5h-5z", "M3.5 11.5h5v5h-5z", "M11.5 11.5h5v5h-5z"],
  rows: ["M3.5 5h13", "M3.5 10h13", "M3.5 15h13"],
  close: ["M5 5l10 10", "M15 5 5 15"],
  check: ["M4 10.5l4 4 8-9"],
  pause: ["M7 5v10", "M13 5v10"],
  play: ["M6.5 4.5 15 10l-8.5 5.5z"],
  retry: ["M15.8 8A6.2 6.2 0 1 0 16.2 11", "M16.2 4v4h-4"],
  trash: ["M4 6h12", "M8 6V4h4v2", "M5.5 6l.7 10h7.6l.7-10", "M8.5 9v4.5", "M11.5 9v4.5"],
  copy: ["M7.5 7.5h8v8h-8z", "M12.5 7.5v-3h-8v8h3"],
  link: ["M8.5 11.5a3 3 0 0 0 4.3 0l2.3-2.3a3 3 0 0 0-4.3-4.3l-.8.8", "M11.5 8.5a3 3 0 0 0-4.3 0l-2.3 2.3a3 3 0 0 0 4.3 4.3l.8-.8"],
  back: ["M12 4.5 6.5 10l5.5 5.5"],
  sun: ["M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z", "M10 2.5v1.5", "M10 16v1.5", "M2.5 10H4", "M16 10h1.5", "M4.7 4.7l1 1", "M14.3 14.3l1 1", "M4.7 15.3l1-1", "M14.3 5.7l1-1"],
  moon: ["M16.5 11.8A6.8 6.8 0 1 1 8.2 3.5a5.4 5.4 0 0 0 8.3 8.3z"],
  help: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M8 8a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1.1v.3", "M10 13.7h.01"],
  leave: ["M8 3.5H5A1.5 1.5 0 0 0 3.5 5v10A1.5 1.5 0 0 0 5 16.5h3", "M12.5 6.5 16 10l-3.5 3.5", "M16 10H8"],
  plus: ["M10 4v12", "M4 10h12"],
  warning: ["M10 3.5 17.5 16.5h-15z", "M10 8.5v3.5", "M10 14.2h.01"],
  clock: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M10 6.2V10l2.5 1.7"],
  tag: ["M3.5 4.5v5l7 7 6-6-7-7h-5z", "M7 7.5h.01"],
  docs: ["M5 3.5h7l3.5 3.5v9.5h-10.5z", "M12 3.5V7h3.5", "M7.5 10.5h5", "M7.5 13.5h5"],
} as const;

export type IconName = keyof typeof paths;

export function I({ name, size }: { name: IconName; size?: number }) {
  return (
    <Icon size={size}>
      {paths[name].map((d) => (
        <path key={d} d={d} />
      ))}
    </Icon>
  );
}

export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="logo-ground" />
      <path d="M8 25V15a8 8 0 0 1 16 0v10" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round" />
      <circle cx="16" cy="21" r="3" fill="#7fe3dc" />
    </svg>
  );
}
