// Empty fields of a filter stay out of the address, as the server's own links have it.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { body, method } = ctx.request;
  if (method !== "GET" || !(body instanceof FormData)) return;
  for (const [name, value] of [...body]) if (!value) body.delete(name);
});
