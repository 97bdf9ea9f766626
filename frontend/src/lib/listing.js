// A listing that joins several pages of results. The first item of each page has the address of the page as `data-page`.

/**
 * Fetch and parse a page. Throws where the server answers with an error.
 *
 * @param {string} address
 */
export async function fetchPage(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${response.status} at ${address}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/**
 * Return the items of a listing.
 *
 * @param {Element} list
 * @returns {HTMLElement[]}
 */
export function itemsOf(list) {
  return [...list.children].filter((item) => item instanceof HTMLElement);
}

/**
 * Return the first visible item, and the first item of its page.
 *
 * @param {Element} list
 * @returns {{ item?: HTMLElement, firstOfPage?: HTMLElement }}
 */
export function visibleItem(list) {
  const items = itemsOf(list);
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].getBoundingClientRect().bottom > 0) high = middle;
    else low = middle + 1;
  }
  const firstOfPage = items.slice(0, low + 1).findLast((item) => item.dataset.page) ?? items[0];
  return { item: items[low], firstOfPage };
}

/**
 * Replace the items of a listing that have changed. Checked boxes, and where pages begin, stay as they are.
 *
 * @param {Element} list
 * @param {Element} fresh the same listing as the server has it now
 */
export function updateItems(list, fresh) {
  for (const item of itemsOf(fresh)) {
    const old = document.getElementById(item.id);
    if (!old || !list.contains(old) || old.contains(document.activeElement)) continue;
    if (old.dataset.page) item.dataset.page = old.dataset.page;
    if (old.isEqualNode(item)) continue;
    const [before, after] = [old, item].map((each) => each.querySelector("[name=u]"));
    if (before instanceof HTMLInputElement && after instanceof HTMLInputElement)
      after.checked = before.checked;
    old.replaceWith(item);
  }
}
