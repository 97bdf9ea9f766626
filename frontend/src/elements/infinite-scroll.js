// Infinite scrolling: adds the items of the next page to a listing before its end is reached. The address follows the
// page in view, and going back in the history scrolls to the item that was at the top. The element contains the links to
// other pages; its attribute `list` is the id of the listing.
import htmx from "htmx.org";
import { replaceAddress } from "../lib/address.js";
import { requireAttribute } from "../lib/dom.js";
import { fetchPage, itemsOf, updateItems, visibleItem } from "../lib/listing.js";

const LOAD_AHEAD = "1200px"; // distance from the end at which the next page is fetched
const SCROLL_PAUSE_MILLISECONDS = 150; // without scrolling, until the address follows

class InfiniteScroll extends HTMLElement {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isLoading = false;
  /** @type {Element | null} */
  #region = null;
  #endObserver = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.#loadMore();
    },
    { rootMargin: LOAD_AHEAD },
  );

  connectedCallback() {
    this.#region = this.closest("auto-refresh");
    this.#region?.addEventListener("before-refresh", this.#refreshVisiblePage);
    addEventListener("scroll", this.#scrolled, { passive: true });
    document.addEventListener("htmx:after:swap", this.#watchEnd);
    if (history.state?.at) document.getElementById(history.state.at)?.scrollIntoView();
    this.#watchEnd();
  }

  disconnectedCallback() {
    this.#endObserver.disconnect();
    this.#region?.removeEventListener("before-refresh", this.#refreshVisiblePage);
    removeEventListener("scroll", this.#scrolled);
    document.removeEventListener("htmx:after:swap", this.#watchEnd);
    clearTimeout(this.#timer);
  }

  get #list() {
    return document.getElementById(requireAttribute(this, "list"));
  }

  get #hasSeveralPages() {
    return Boolean(this.#list?.querySelector("[data-page]"));
  }

  // An observer reports the state when it starts, and then only changes: so it is started again.
  #watchEnd = () => {
    this.#endObserver.disconnect();
    this.#endObserver.observe(this);
  };

  async #loadMore() {
    const next = this.querySelector("a[rel=next]");
    if (!(next instanceof HTMLAnchorElement) || !this.#list || this.#isLoading) return;
    this.#isLoading = true;
    try {
      const page = await fetchPage(next.href);
      if (next.isConnected) this.#append(this.#list, next, page);
    } catch {
      return; // a person can still follow the link
    } finally {
      this.#isLoading = false;
    }
    this.#watchEnd();
  }

  /**
   * Add the items of a page, and replace the links by those of that page.
   *
   * @param {HTMLElement} list
   * @param {HTMLAnchorElement} link to the page
   * @param {Document} page
   */
  #append(list, link, page) {
    const [first] = itemsOf(list);
    first.dataset.page ??= location.pathname + location.search;
    const fetched = page.getElementById(list.id);
    const items = fetched ? itemsOf(fetched) : [];
    if (items.length) items[0].dataset.page = link.pathname + link.search;
    list.append(...items);
    this.replaceChildren(...(page.querySelector(this.localName)?.childNodes ?? []));
    htmx.process(this);
  }

  #scrolled = () => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#updateAddress, SCROLL_PAUSE_MILLISECONDS);
  };

  #updateAddress = () => {
    if (!this.#list || !this.#hasSeveralPages) return;
    const { item, firstOfPage } = visibleItem(this.#list);
    if (!item) return;
    history.scrollRestoration = "manual"; // the browser's own would scroll to a position in the longer list
    const page = firstOfPage?.dataset.page;
    if (page && page !== location.pathname + location.search) replaceAddress(page);
    history.replaceState({ ...history.state, at: item.id }, "");
  };

  // Where several pages are joined, or a map is shown, only the items of the page in view are fetched and updated.
  /** @param {Event} event */
  #refreshVisiblePage = async (event) => {
    const list = this.#list;
    if (!list || !(this.#hasSeveralPages || document.querySelector("unit-map"))) return;
    event.preventDefault();
    const { firstOfPage } = visibleItem(list);
    const page = await fetchPage(firstOfPage?.dataset.page ?? location.href);
    const fresh = page.getElementById(list.id);
    if (fresh) updateItems(list, fresh);
  };
}

customElements.define("infinite-scroll", InfiniteScroll);
