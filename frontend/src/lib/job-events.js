// One stream of job events for the whole page. It is open only while somebody listens and the page is visible: a
// browser grants one host few connections, and each open tab would hold one.
const EVENTS_ADDRESS = `${document.documentElement.dataset.root ?? ""}/api/events`;
const RETRY_MILLISECONDS = 3000; // after an error answer, on which browsers do not reconnect

/**
 * @typedef {object} Progress
 * @property {string | null} stage
 * @property {number} step
 * @property {number} steps
 * @property {number | null} seconds_left
 * @property {number[]} trace objective at each step
 */

/**
 * A job as the server sends it (JobOut in app/web/api/jobs.py).
 *
 * @typedef {object} Job
 * @property {number} id
 * @property {string} kind
 * @property {string} state
 * @property {string} network
 * @property {string | null} layer
 * @property {number | null} unit
 * @property {Progress | null} progress
 * @property {string | null} preview address of the newest picture
 */

/**
 * @typedef {object} JobListener
 * @property {(job: Job) => void} [onJob]
 * @property {(isReconnected: boolean) => void} [onOpen]
 * @property {() => void} [onError]
 */

/** @type {Set<JobListener>} */
const listeners = new Set();
/** @type {EventSource | null} */
let source = null;
let wasLost = false; // the stream broke off, and events may have been missed
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retryTimer;

/** @param {(listener: JobListener) => void} call */
function forEachListener(call) {
  for (const listener of [...listeners]) call(listener);
}

function open() {
  if (source || document.hidden || !listeners.size) return;
  source = new EventSource(EVENTS_ADDRESS);
  source.addEventListener("open", () => {
    forEachListener((listener) => listener.onOpen?.(wasLost));
    wasLost = false;
  });
  source.addEventListener("error", () => {
    wasLost = true;
    forEachListener((listener) => listener.onError?.());
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    retryTimer = setTimeout(open, RETRY_MILLISECONDS);
  });
  source.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    forEachListener((listener) => listener.onJob?.(job));
  });
}

function close() {
  clearTimeout(retryTimer);
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return open();
  wasLost ||= source !== null;
  close();
});

/**
 * Listen to the events of all jobs. Returns a function that stops listening.
 *
 * @param {JobListener} listener
 */
export function listenToJobs(listener) {
  listeners.add(listener);
  if (source?.readyState === EventSource.OPEN) queueMicrotask(() => listener.onOpen?.(false));
  else open();
  return () => {
    listeners.delete(listener);
    if (!listeners.size) close();
  };
}
