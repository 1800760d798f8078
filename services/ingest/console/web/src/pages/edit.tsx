import { useLayoutEffect, useState } from "preact/hooks";
import { files as api, type FileItem } from "../api";
import { say } from "../state/toasts";
import { Button, ErrorNote, Field } from "../ui/bits";

// Edit changes what a file is called and said to be.
export function Edit({ file, onChange }: { file: FileItem; onChange: (f: FileItem) => void }) {
  const [name, setName] = useState(file.name);
  const [description, setDescription] = useState(file.description ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  // What others change appears. Until the fields have it they differ from the file, which must not be seen.
  useLayoutEffect(() => setName(file.name), [file.name]);
  useLayoutEffect(() => setDescription(file.description ?? ""), [file.description]);
  const changed = name !== file.name || description !== (file.description ?? "");
  const save = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onChange(await api.update(file.id, { name, description }, file.sha256));
      say("Saved.");
    } catch (err) {
      setError(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="panel edit" onSubmit={save}>
      <Field label="Name">
        <input name="name" required maxLength={255} value={name} onInput={(e) => setName(e.currentTarget.value)} />
      </Field>
      <Field label="Description">
        <textarea name="description" rows={2} value={description} onInput={(e) => setDescription(e.currentTarget.value)} />
      </Field>
      {error !== undefined && <ErrorNote error={error} />}
      {changed && (
        <footer>
          <Button onClick={() => (setName(file.name), setDescription(file.description ?? ""))}>Discard</Button>
          <Button kind="primary" type="submit" busy={busy}>
            Save
          </Button>
        </footer>
      )}
    </form>
  );
}
