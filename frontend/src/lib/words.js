// The same words for times and numbers as the server writes.

export function duration(seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function progressWords({ kind, progress: { stage, step, steps, seconds_left: left } }) {
  const count = (value) => value.toLocaleString("en");
  if (kind === "explain" && !step) return "reads the clip";
  const of = stage ? `${stage}:` : kind === "visualize" ? "step" : "pass";
  const words = `${of} ${count(step)} of ${count(steps)}`;
  return left == null ? words : `${words}, ${duration(left)} left${stage ? " of this part" : ""}`;
}
