// Durations and the progress of jobs in words, as the server writes them.

/** @param {number} seconds */
export function formatDuration(seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @type {Record<string, string>} */
const STEP_NOUNS = { visualize: "step", add_network: "MB" };

/**
 * @param {string} kind kind of the job
 * @param {import("./job-events.js").Progress} progress
 */
export function formatProgress(kind, { stage, step, steps, seconds_left: secondsLeft }) {
  if (kind === "explain" && !step) return "reads the clip";
  if (stage && steps <= 1) return stage;
  const unit = stage ? `${stage}:` : (STEP_NOUNS[kind] ?? "pass");
  const words = `${unit} ${step.toLocaleString("en")} of ${steps.toLocaleString("en")}`;
  if (secondsLeft == null) return words;
  return `${words}, ${formatDuration(secondsLeft)} left${stage ? " of this part" : ""}`;
}
