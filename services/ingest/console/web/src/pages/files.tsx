import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { files as api, type FileItem } from "../api";
import { capped, failure, forget, items, keepFresh, loading, loadMore, more, pageSize, show, total } from "../state/files";
import { go, link, route, setQuery } from "../state/route";
import { chosen, clear, extend, selectAll, selected, toggle } from "../state/selection";
import { say } from "../state/toasts";
import { drawerOpen } from "../state/uploads";
import { Ago, Button, Command, Confirm, Empty, ErrorNote, StatePill, Thumb } from "../ui/bits";
import { bytes, count, reasonText } from "../ui/format";
import { useGlide } from "../ui/glide";
import { I } from "../ui/icons";
import { typing } from "../ui/keys";
import { Filters, filtered, fileQuery } from "./filters";

type View = "gallery" | "table";
const viewKey = "inlet.view";
const view = signal<View>(localStorage.getItem(viewKey) === "table" ? "table" : "gallery");

function changeView(): void {
  view.value = view.value === "gallery" ? "table" : "gallery";
  localStorage.setItem(viewKey, view.value);
}

export function FilesPage() {
  const query = route.value.query.toString();
  const [asking, setAsking] = useState(false);
  const grid = useRef<HTMLDivElement>(null);
  useEffect(() => void show(fileQuery(route.value.query)), [query]);
  useEffect(() => keepFresh(), []);
  useEffect(() => clear, []);
  useKeys(grid, () => setAsking(true));
  return (
    <div class="page files-page">
      <header class="page-head">
        <h1>Files</h1>
        <span class="muted count">{total.value !== undefined && (capped.value ? "more than " : "") + count(total.value, "file")}</span>
        <Search />
        <Button icon={view.value === "gallery" ? "rows" : "grid"} aria-label={view.value === "gallery" ? "Show as a table" : "Show as a gallery"} title="Gallery or table (g)" onClick={changeView} data-test="view" />
      </header>
      <Filters />
      {failure.value !== undefined && <ErrorNote error={failure.value} retry={() => void show(fileQuery(route.value.query))} />}
      <div ref={grid}>
        {items.value.length > 0 ? view.value === "gallery" ? <Gallery /> : <Table /> : <Nothing />}
      </div>
      <More />
      <SelectionBar onDelete={() => setAsking(true)} />
      {asking && chosen.value.length > 0 && <DeleteChosen onClose={() => setAsking(false)} />}
    </div>
  );
}

function Search() {
  const asked = route.value.query.get("q") ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => {
    if (asked !== text.trim()) setText(asked);
  }, [asked]);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const input = (value: string) => {
    setText(value);
    clearTimeout(timer.current);
    // The server wants two letters at least.
    timer.current = setTimeout(() => setQuery({ q: value.trim().length >= 2 ? value.trim() : "" }), 200);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div class="search" role="search">
      <I name="search" size={16} />
      <input id="search" type="search" placeholder="Search names" aria-label="Search names" value={text} maxLength={100} onInput={(e) => input(e.currentTarget.value)} onKeyDown={(e) => e.key === "Escape" && e.currentTarget.blur()} />
      <kbd>/</kbd>
    </div>
  );
}

// choose is what a click on a file means: with a modifier it selects, without it opens.
function choose(e: MouseEvent, file: FileItem): void {
  if (e.shiftKey) extend(file.id);
  else if (e.ctrlKey || e.metaKey) toggle(file.id);
  else return;
  e.preventDefault();
}

interface CellProps {
  file: FileItem;
  first: boolean;
}

function Tick({ file }: { file: FileItem }) {
  return <input type="checkbox" class="tick" aria-label={`Select ${file.name}`} checked={selected.value.has(file.id)} tabIndex={-1} onClick={(e) => e.stopPropagation()} onChange={() => toggle(file.id)} />;
}

function Gallery() {
  const cards = useGlide<HTMLUListElement>();
  return (
    <ul ref={cards} class="gallery" aria-label="Files">
      {items.value.map((f, i) => (
        <Card key={f.id} file={f} first={i === 0} />
      ))}
    </ul>
  );
}

function Card({ file, first }: CellProps) {
  const on = selected.value.has(file.id);
  return (
    <li class={`card ${on ? "selected" : ""}`} data-name={file.name} data-state={file.state} data-thumbnail={file.thumbnail}>
      <a href={link("files", file.id)} class="card-link" data-file={file.id} tabIndex={first ? 0 : -1} onClick={(e) => choose(e, file)}>
        <Thumb file={file} size={200} />
        <span class="card-text">
          <span class="card-name" title={file.name}>
            {file.name}
          </span>
          <span class="card-line">
            {file.state === "ready" ? (
              <>
                {bytes(file.size)} · <Ago time={file.created_at} />
              </>
            ) : (
              <>
                <StatePill state={file.state} />
                {file.reason && <span class="card-reason">{reasonText(file.reason)}</span>}
              </>
            )}
          </span>
        </span>
      </a>
      <Tick file={file} />
    </li>
  );
}

function Table() {
  const rows = useGlide<HTMLTableSectionElement>();
  return (
    <table class="table files-table">
      <thead>
        <tr>
          <th class="tick-cell">
            <span class="visually-hidden">Selected</span>
          </th>
          <th>Name</th>
          <th>State</th>
          <th class="wide-only">Type</th>
          <th class="number">Size</th>
          <th class="wide-only">Added</th>
        </tr>
      </thead>
      <tbody ref={rows}>
        {items.value.map((f, i) => (
          <Row key={f.id} file={f} first={i === 0} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ file, first }: CellProps) {
  return (
    <tr class={selected.value.has(file.id) ? "selected" : ""} data-name={file.name} data-state={file.state} data-thumbnail={file.thumbnail}>
      <td class="tick-cell">
        <Tick file={file} />
      </td>
      <td>
        <a href={link("files", file.id)} class="row-name" data-file={file.id} tabIndex={first ? 0 : -1} onClick={(e) => choose(e, file)}>
          <Thumb file={file} size={32} />
          <span title={file.name}>{file.name}</span>
        </a>
      </td>
      <td>
        <StatePill state={file.state} />
      </td>
      <td class="wide-only muted">{file.detected_type || file.mime_type}</td>
      <td class="number">{bytes(file.size)}</td>
      <td class="wide-only muted">
        <Ago time={file.created_at} />
      </td>
    </tr>
  );
}

function Nothing() {
  if (loading.value || total.value === undefined) return <div class="gallery skeleton" aria-busy="true" />;
  if (failure.value !== undefined) return null;
  if (filtered(route.value.query)) {
    return (
      <Empty title="No file is like that">
        <p>Nothing matches the search and the filters.</p>
        <Button onClick={() => go("#/")}>Show all files</Button>
      </Empty>
    );
  }
  return (
    <Empty title="No files yet">
      <p>Drop some anywhere in this window, paste a screenshot, or send one from a terminal:</p>
      <Command text={`curl -H "X-API-Key: $KEY" -F file=@photo.jpg ${location.origin}/v1/files`} />
      <Button kind="primary" icon="upload" onClick={() => (drawerOpen.value = true)}>
        Upload files
      </Button>
    </Empty>
  );
}

// More loads the next page when its place comes near.
function More() {
  const ref = useRef<HTMLDivElement>(null);
  const wanted = more.value && items.value.length >= pageSize;
  useEffect(() => {
    if (!wanted || !ref.current) return;
    const observer = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && void loadMore(), { rootMargin: "600px" });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [wanted, items.value.length]);
  if (!wanted) return null;
  return (
    <div ref={ref} class="more">
      <Button busy={loading.value} onClick={() => void loadMore()}>
        Show more
      </Button>
    </div>
  );
}

function SelectionBar({ onDelete }: { onDelete: () => void }) {
  const n = chosen.value.length;
  if (n === 0) return null;
  return (
    <div class="selection-bar" role="toolbar" aria-label="Selection">
      <span>{count(n, "file")} selected</span>
      <Button onClick={selectAll}>Select all shown</Button>
      <Button kind="danger" icon="trash" onClick={onDelete} data-test="delete-selected">
        Delete
      </Button>
      <Button kind="quiet" icon="close" aria-label="Clear the selection" onClick={clear} />
    </div>
  );
}

function DeleteChosen({ onClose }: { onClose: () => void }) {
  const all = chosen.value;
  const remove = async () => {
    const gone: string[] = [];
    let error: unknown;
    for (const f of all) {
      try {
        await api.remove(f.id);
        gone.push(f.id);
      } catch (err) {
        error = err;
      }
    }
    forget(gone);
    clear();
    if (error !== undefined) say(`${count(all.length - gone.length, "file")} could not be deleted.`, error);
    else say(`${count(gone.length, "file")} deleted.`);
  };
  const one = all.length === 1 ? all[0] : undefined;
  return (
    <Confirm title={one ? "Delete this file?" : `Delete ${count(all.length, "file")}?`} text={<>{one ? <b class="break">{one.name}</b> : "They"} cannot be brought back, and links to {one ? "it" : "them"} end at once.</>} action="Delete" onConfirm={remove} onClose={onClose} />
  );
}

// useKeys moves through the files by keyboard. One file at a time can be reached with Tab; arrows go on from there.
function useKeys(grid: { current: HTMLDivElement | null }, askDelete: () => void): void {
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (typing(e) || !grid.current) return;
      const links = [...grid.current.querySelectorAll<HTMLAnchorElement>("a[data-file]")];
      const at = links.indexOf(document.activeElement as HTMLAnchorElement);
      const id = links[at]?.dataset["file"];
      const columns = columnsOf(links);
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[e.key];
      if (step !== undefined && !e.ctrlKey && !e.metaKey && !e.altKey) {
        const next = links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))];
        if (!next) return;
        for (const l of links) l.tabIndex = l === next ? 0 : -1;
        next.focus();
      } else if (e.key === " " && id) {
        if (e.shiftKey) extend(id);
        else toggle(id);
      } else if (e.key === "a" && (e.ctrlKey || e.metaKey)) {
        selectAll();
      } else if (e.key === "Delete" || e.key === "Backspace") {
        if (chosen.value.length === 0 && id) toggle(id);
        if (chosen.value.length > 0) askDelete();
      } else if (e.key === "g" && !e.ctrlKey && !e.metaKey) {
        changeView();
      } else if (e.key === "Escape" && chosen.value.length > 0) {
        clear();
      } else {
        return;
      }
      e.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

// columnsOf counts the files of the first row.
function columnsOf(links: HTMLElement[]): number {
  const top = links[0]?.getBoundingClientRect().top;
  const n = links.findIndex((l) => l.getBoundingClientRect().top !== top);
  return n < 0 ? Math.max(1, links.length) : n;
}
