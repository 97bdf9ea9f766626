// What a person chooses on a page is at once in its address, in its links to the same place, and in what it shares.

/** A choice of the page that is shown; the value that goes without saying stays out of the address. */
export function choose(name, value, { otherwise } = {}) {
  const chosen = value === otherwise ? null : value;
  history.replaceState(history.state, "", withChoice(location.href, name, chosen));
  for (const link of document.querySelectorAll("a[href]")) {
    const same = link.origin === location.origin && link.pathname === location.pathname;
    if (same && !link.hash && !link.closest(`[data-chooses="${name}"]`)) {
      link.setAttribute("href", withChoice(link.href, name, chosen));
    }
  }
  share((address) => withChoice(address, name, chosen));
}

/** Another address of this same page, whose choices its caller shows. */
export function goTo(address) {
  history.replaceState(history.state, "", address);
  share(() => address);
}

/** The path and query of an address with a choice, or without it where the value is null. */
export function withChoice(address, name, value) {
  const changed = new URL(address);
  if (value === null) changed.searchParams.delete(name);
  else changed.searchParams.set(name, value);
  return changed.pathname + changed.search + changed.hash;
}

function share(change) {
  const view = document.querySelector("share-view");
  const address = view?.getAttribute("base");
  if (address) view.setAttribute("base", new URL(change(address), address).href);
}
