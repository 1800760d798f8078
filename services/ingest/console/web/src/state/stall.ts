// A network that swallows what it is given leaves a request without an answer and without an error: for ever, as neither XMLHttpRequest nor tus has a
// limit of its own.

const longest = 60_000; // ms without a byte on its way and without an answer

// endWhenStalled has a request fail that nothing moves in any more. What it has brought so far is on the server, and tus goes on from there.
export function endWhenStalled(xhr: XMLHttpRequest): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    xhr.abort();
    xhr.dispatchEvent(new ProgressEvent("error")); // tus hears nothing of an abort
  };
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(end, longest);
  };
  xhr.addEventListener("loadstart", alive);
  xhr.upload.addEventListener("progress", alive);
  xhr.addEventListener("progress", alive);
  xhr.addEventListener("loadend", () => clearTimeout(timer));
}
