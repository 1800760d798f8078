import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  value?: T;
  error?: unknown;
  reload: () => Promise<void>;
  set: (value: T) => void;
}

// useLoad asks for something, again when a dependency changes or reload is called. The last value stays until the next is there. An answer
// that comes after a newer question counts for nothing.
export function useLoad<T>(ask: () => Promise<T>, dependencies: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: unknown }>({});
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const value = await ask();
      if (mine === turn.current) setState({ value });
    } catch (error) {
      if (mine === turn.current) setState((before) => ({ ...before, error }));
    }
  }, dependencies);
  useEffect(() => {
    void reload();
    return () => void turn.current++;
  }, [reload]);
  return { ...state, reload, set: (value) => setState({ value }) };
}

// useInterval calls f every so many milliseconds while the page is seen.
export function useInterval(f: () => void, every: number): void {
  const latest = useRef(f);
  latest.current = f;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && latest.current(), every);
    return () => clearInterval(timer);
  }, [every]);
}
