import { signal } from "@preact/signals";
import { Failure, session, type Credentials, type Me } from "../api";
import { whenSignedOut } from "../api/client";

// me is who is signed in; null is nobody, undefined is not known yet.
export const me = signal<Me | null | undefined>(undefined);

// unreachable is why it is not known.
export const unreachable = signal<unknown>(undefined);

// The cookie cannot be seen from here. This says that there may be one, so that a first visit asks for nothing in vain.
const key = "inlet.session";

function set(who: Me | null): void {
  me.value = who;
  if (who) localStorage.setItem(key, "1");
  else localStorage.removeItem(key);
}

whenSignedOut(() => set(null));

addEventListener("storage", (e) => {
  if (e.key === key) void restore(); // signed in, or out, in another tab
});

export async function restore(): Promise<void> {
  unreachable.value = undefined;
  if (!localStorage.getItem(key)) {
    me.value = null;
    return;
  }
  try {
    set(await session.me());
  } catch (err) {
    if (err instanceof Failure && err.status === 401) set(null);
    else unreachable.value = err;
  }
}

export async function signIn(credentials: Credentials): Promise<void> {
  set(await session.begin(credentials));
}

export async function signOut(): Promise<void> {
  await session.end();
  set(null);
}
