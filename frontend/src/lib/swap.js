// Replaces a part of the page by the same part of the page as it is now on the server.
import htmx from "htmx.org";

export function refresh(element) {
  const selector = `#${CSS.escape(element.id)}`;
  return htmx.ajax("GET", location.pathname + location.search, {
    source: element,
    target: selector,
    select: selector,
    swap: "outerMorph",
  });
}
