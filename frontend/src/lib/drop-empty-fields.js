// Leaves the empty fields of a filter form out of the address, as the server's own links do.

document.addEventListener("htmx:config:request", (event) => {
  const { body, method } = /** @type {CustomEvent} */ (event).detail.ctx.request;
  if (method !== "GET" || !(body instanceof FormData)) return;
  for (const [name, value] of [...body]) if (!value) body.delete(name);
});
