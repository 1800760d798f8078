import { useState } from "preact/hooks";
import { Failure } from "../api";
import { signIn } from "../state/session";
import { Button, ErrorNote, Field } from "../ui/bits";
import { Logo } from "../ui/icons";

// refused says in the page's words that the server knows the credentials not.
function refused(err: unknown, text: string): unknown {
  return err instanceof Failure && err.status === 401 ? new Failure(err.status, err.code, text, err.requestId) : err;
}

export function SignInPage() {
  const [by, setBy] = useState<"key" | "user">("key");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    setBusy(true);
    setError(undefined);
    try {
      await signIn(by === "key" ? { api_key: text("api_key") } : { email: text("email"), password: String(form.get("password") ?? "") });
    } catch (err) {
      setError(refused(err, by === "key" ? "The API key is not known, or is of no use any more." : "The e-mail address or the password is wrong."));
      setBusy(false);
    }
  };
  return (
    <main class="alone">
      <div class="sign-in">
        <Logo size={44} />
        <h1>Sign in to Inlet</h1>
        <div class="segments" role="radiogroup" aria-label="Sign in with">
          {(["key", "user"] as const).map((kind) => (
            <button key={kind} type="button" role="radio" aria-checked={by === kind} onClick={() => setBy(kind)}>
              {kind === "key" ? "API key" : "E-mail"}
            </button>
          ))}
        </div>
        <form onSubmit={submit}>
          {by === "key" ? (
            <Field label="API key" hint="The first start of inlet serve prints one; it is also in directory.yaml.">
              <input key="key" name="api_key" type="password" required autofocus autocomplete="current-password" spellcheck={false} placeholder="tagd_live_…" />
            </Field>
          ) : (
            <>
              <Field label="E-mail">
                <input key="email" name="email" type="email" required autofocus autocomplete="username" />
              </Field>
              <Field label="Password">
                <input name="password" type="password" required autocomplete="current-password" />
              </Field>
            </>
          )}
          <Button kind="primary" type="submit" busy={busy}>
            Sign in
          </Button>
          {error !== undefined && <ErrorNote error={error} />}
        </form>
        <p class="muted">
          <a href="/docs/">Documents</a>
        </p>
      </div>
    </main>
  );
}
