// Keeps a person's choices in the address of the page, in its links to itself, and in its share dialog.

/**
 * Put a choice into the address of this page. The default value stays out of it.
 *
 * @param {string} name query parameter
 * @param {string | null} value null removes the parameter
 * @param {{ defaultValue?: string }} [options]
 */
export function setParameter(name, value, { defaultValue } = {}) {
  const written = value === defaultValue ? null : value;
  history.replaceState(history.state, "", withParameter(location.href, name, written));
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[href]"))) {
    const isSamePage = link.origin === location.origin && link.pathname === location.pathname;
    if (isSamePage && !link.hash && !link.closest(`[data-parameter="${name}"]`)) {
      link.setAttribute("href", withParameter(link.href, name, written));
    }
  }
  changeSharedAddress((address) => withParameter(address, name, written));
}

/**
 * Replace the address by another one of the same page. The caller updates what is shown.
 *
 * @param {string} address
 */
export function replaceAddress(address) {
  history.replaceState(history.state, "", address);
  changeSharedAddress(() => address);
}

/**
 * Return path, query and fragment of an address with a parameter, or without it where the value is null.
 *
 * @param {string} address absolute
 * @param {string} name
 * @param {string | null} value
 */
export function withParameter(address, name, value) {
  const changed = new URL(address);
  if (value === null) changed.searchParams.delete(name);
  else changed.searchParams.set(name, value);
  return changed.pathname + changed.search + changed.hash;
}

/** @param {(address: string) => string} change */
function changeSharedAddress(change) {
  const dialog = document.querySelector("share-dialog");
  const address = dialog?.getAttribute("address");
  if (dialog && address) dialog.setAttribute("address", new URL(change(address), address).href);
}
