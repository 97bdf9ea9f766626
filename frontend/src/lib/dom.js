// Typed look-ups of elements, for templates and scripts that must fit together.

/**
 * Return the first descendant that matches a selector. Throws where the page has none of that type.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function requireElement(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} at "${selector}".`);
  return element;
}

/**
 * Return the value of an attribute that the template always writes.
 *
 * @param {Element} element
 * @param {string} name
 */
export function requireAttribute(element, name) {
  const value = element.getAttribute(name);
  if (value === null) throw new Error(`<${element.localName}> has no attribute "${name}".`);
  return value;
}

/**
 * Return the element that an event happened on, or its nearest ancestor, that matches a selector.
 *
 * @template {Element} T
 * @param {Event} event
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T | null}
 */
export function closestTarget(event, selector, type) {
  const element = event.target instanceof Element ? event.target.closest(selector) : null;
  return element instanceof type ? element : null;
}

/**
 * Return whether a click asks the browser for a new tab or window.
 *
 * @param {MouseEvent} event
 */
export function opensElsewhere(event) {
  return event.ctrlKey || event.metaKey || event.shiftKey;
}
