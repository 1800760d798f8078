// The files of unfinished uploads, kept by the browser over a reload of the page. A lock per upload tells which tab has it.

export interface Kept {
  id: string;
  file: File;
  meta: Record<string, unknown>;
}

const largest = 2 ** 30; // bytes of one file; a larger one must be chosen again, and goes on where it was
const storeName = "uploads";

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("inlet", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await open()).transaction(storeName, mode).objectStore(storeName);
}

const held = new Map<string, () => void>(); // by id, what lets go of it

// hold takes the lock of an upload; false when another tab has it.
function hold(id: string): Promise<boolean> {
  if (!navigator.locks || held.has(id)) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request("inlet.upload." + id, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise<void>((release) => held.set(id, release));
    });
  });
}

// keep stores a file. Where there is no room for it, it is not kept.
export async function keep(k: Kept): Promise<void> {
  await hold(k.id);
  if (k.file.size > largest) return;
  try {
    (await store("readwrite")).put(k);
  } catch {
    // The upload goes on without.
  }
}

export async function unkeep(id: string): Promise<void> {
  held.get(id)?.();
  held.delete(id);
  try {
    (await store("readwrite")).delete(id);
  } catch {
    // It was not kept.
  }
}

// kept returns the files that no other tab has.
export async function kept(): Promise<Kept[]> {
  try {
    const objects = await store("readonly");
    const all = await new Promise<Kept[]>((resolve, reject) => {
      const request = objects.getAll();
      request.onsuccess = () => resolve(request.result as Kept[]);
      request.onerror = () => reject(request.error);
    });
    const mine = await Promise.all(all.map((k) => hold(k.id)));
    return all.filter((_, i) => mine[i]);
  } catch {
    return [];
  }
}
