// A listing of several pages: its items, of which the first of each page has the page's address as `data-page`.

/** The page at an address, parsed; throws where there is none. */
export async function read(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${answer.status} at ${address}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** The first item that is in the window, and the one that begins its page. */
export function inView(list) {
  const items = [...list.children];
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].getBoundingClientRect().bottom > 0) high = middle;
    else low = middle + 1;
  }
  const page = items.slice(0, low + 1).findLast((item) => item.dataset.page) ?? items[0];
  return { item: items[low], page };
}

/** Takes over what changed of items, ticks and pages staying as they are. */
export function renewed(list, fresh) {
  for (const item of fresh?.children ?? []) {
    const old = document.getElementById(item.id);
    if (!old || !list.contains(old) || old.contains(document.activeElement)) continue;
    if (old.dataset.page) item.dataset.page = old.dataset.page;
    if (old.isEqualNode(item)) continue;
    const [before, after] = [old, item].map((each) => each.querySelector("[name=u]"));
    if (before && after) after.checked = before.checked;
    old.replaceWith(item);
  }
}
