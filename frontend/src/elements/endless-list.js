// A listing that goes on as one scrolls: the items of the next page join it before its end is reached. The address is
// that of the page in view, and coming back shows the item that was there. Within it are the links to other pages.
import htmx from "htmx.org";
import { goTo } from "../lib/address.js";
import { inView, read, renewed } from "../lib/listing.js";

const AHEAD = "1200px";
const REST = 150; // milliseconds without scrolling

class EndlessList extends HTMLElement {
  #timer = null;
  #isBusy = false;

  connectedCallback() {
    this.end = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.more(), {
      rootMargin: AHEAD,
    });
    this.region = this.closest("live-region");
    this.region?.addEventListener("renew", this.renew);
    addEventListener("scroll", this.scrolled, { passive: true });
    document.addEventListener("htmx:after:swap", this.look);
    const place = history.state?.at && document.getElementById(history.state.at);
    place?.scrollIntoView();
    this.look();
  }

  disconnectedCallback() {
    this.end.disconnect();
    this.region?.removeEventListener("renew", this.renew);
    removeEventListener("scroll", this.scrolled);
    document.removeEventListener("htmx:after:swap", this.look);
    clearTimeout(this.#timer);
  }

  get list() {
    return document.getElementById(this.getAttribute("list"));
  }

  get isLong() {
    return Boolean(this.list?.querySelector("[data-page]"));
  }

  // An observer tells of changes alone, and of where things are when it begins.
  look = () => {
    this.end.disconnect();
    this.end.observe(this);
  };

  async more() {
    const next = this.querySelector("a[rel=next]");
    if (!next || !this.list || this.#isBusy) return;
    this.#isBusy = true;
    try {
      const page = await read(next.href);
      if (next.isConnected) this.join(next, page);
    } catch {
      return; // the link stays for a person to follow
    } finally {
      this.#isBusy = false;
    }
    this.look();
  }

  join(next, page) {
    const [first] = this.list.children;
    first.dataset.page ??= location.pathname + location.search;
    const items = [...page.getElementById(this.list.id).children];
    if (items.length) items[0].dataset.page = next.pathname + next.search;
    this.list.append(...items);
    this.replaceChildren(...page.querySelector(this.localName).childNodes);
    htmx.process(this);
  }

  scrolled = () => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.settle, REST);
  };

  // The page that is in view is what the address shows, and is sent.
  settle = () => {
    if (!this.isLong) return;
    const { page, item } = inView(this.list);
    if (!item) return;
    history.scrollRestoration = "manual"; // a browser would look for the item in a list as long as it was
    if (page.dataset.page !== location.pathname + location.search) goTo(page.dataset.page);
    history.replaceState({ ...history.state, at: item.id }, "");
  };

  // Of a long list, and of one beside a map, only what is looked at is fetched anew, in its place.
  renew = async (event) => {
    if (!this.list || !(this.isLong || document.querySelector("unit-map"))) return;
    event.preventDefault();
    const { page } = inView(this.list);
    const now = await read(page?.dataset.page ?? location.href);
    renewed(this.list, now.getElementById(this.list.id));
  };
}

customElements.define("endless-list", EndlessList);
