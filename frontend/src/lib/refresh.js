// Updates a part of the page from the server.
import htmx from "htmx.org";

/**
 * Fetch this page again and morph the element with the same id into its new state.
 *
 * @param {Element} element
 */
export function refreshElement(element) {
  const selector = `#${CSS.escape(element.id)}`;
  return htmx.ajax("GET", location.pathname + location.search, {
    source: element,
    target: selector,
    select: selector,
    swap: "outerMorph",
  });
}
