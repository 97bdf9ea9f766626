// One stream of job events for the whole page: open while anyone listens and the page is in sight, since a
// browser grants one host few connections and each open tab would hold one.
const EVENTS = "/api/events";
const RETRY = 3000; // milliseconds; for streams that a browser gives up on, those answered with an error
const listeners = new Set();
let source = null;
let lost = false;
let timer = null;

function tell(method, ...details) {
  for (const listener of [...listeners]) listener[method]?.(...details);
}

function open() {
  if (source || document.hidden || !listeners.size) return;
  source = new EventSource(EVENTS);
  source.addEventListener("open", () => {
    tell("opened", lost);
    lost = false;
  });
  source.addEventListener("error", () => {
    lost = true;
    tell("failed");
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    timer = setTimeout(open, RETRY);
  });
  source.addEventListener("job", (event) => tell("job", JSON.parse(event.data)));
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return open();
  lost ||= source !== null;
  close();
});

/** `listener` may have `job(job)`, `opened(again)` and `failed()`. Returns the function that ends it. */
export function listen(listener) {
  listeners.add(listener);
  if (source?.readyState === EventSource.OPEN) queueMicrotask(() => listener.opened?.(false));
  else open();
  return () => {
    listeners.delete(listener);
    if (!listeners.size) close();
  };
}
