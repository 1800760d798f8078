// Lists in which things move by themselves, as others come and go.
import { useLayoutEffect, useRef } from "preact/hooks";

const still = matchMedia("(prefers-reduced-motion: reduce)");

interface Offset {
  left: number; // px
  top: number;
}

// useGlide has the children of a list glide to where a change has put them: what somebody is about to click on does not jump away. It returns the ref
// of the list, whose children must have keys.
export function useGlide<T extends HTMLElement>() {
  const list = useRef<T>(null);
  const past = useRef({ width: 0, places: new Map<Element, Offset>() });
  useLayoutEffect(() => {
    if (!list.current) return;
    const width = list.current.clientWidth;
    const resized = width !== past.current.width; // then all is elsewhere, and nothing has moved
    const places = new Map<Element, Offset>();
    for (const child of list.current.children as HTMLCollectionOf<HTMLElement>) {
      const place = { left: child.offsetLeft, top: child.offsetTop };
      const before = past.current.places.get(child);
      places.set(child, place);
      if (before && !resized && !still.matches) push(child, before.left - place.left, before.top - place.top);
    }
    past.current = { width, places };
  });
  return list;
}

// gliding are the elements on their way, with what they have still to go. They are not animations of the browser's: in one of those it takes a change
// of the layout for a jump (https://www.w3.org/TR/layout-instability/), though none is to be seen.
const gliding = new Map<HTMLElement, Offset>();
const pushed = new Set<HTMLElement>(); // since the last frame: they are shown where they were first
const pace = 60; // ms in which all but a third of the way is gone
const longestFrame = 50; // ms; a slower one slows the glide
let at = 0;

function push(element: HTMLElement, left: number, top: number): void {
  if (left === 0 && top === 0) return;
  if (gliding.size === 0) {
    at = performance.now();
    requestAnimationFrame(step);
  }
  pushed.add(element);
  const rest = gliding.get(element) ?? { left: 0, top: 0 };
  draw(element, { left: rest.left + left, top: rest.top + top });
}

function step(now: number): void {
  const share = Math.exp(-Math.min(longestFrame, Math.max(0, now - at)) / pace);
  at = now;
  for (const [element, rest] of gliding) {
    if (!pushed.delete(element)) draw(element, { left: rest.left * share, top: rest.top * share });
  }
  if (gliding.size > 0) requestAnimationFrame(step);
}

// draw shows an element away from its place, until that is too little to be seen.
function draw(element: HTMLElement, rest: Offset): void {
  if (Math.hypot(rest.left, rest.top) < 0.5) {
    gliding.delete(element);
    element.style.translate = "";
    return;
  }
  gliding.set(element, rest);
  element.style.translate = `${rest.left}px ${rest.top}px`;
}
