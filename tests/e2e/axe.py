"""Asks axe what it finds on a page that stands still."""

from typing import Any

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from app.launch.frontend_build import FRONTEND

AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Elements are defined, and what is in sight has come and stands where it will stay: axe measures colours on pictures.
SETTLED = """async () => {
  const elements = [...document.querySelectorAll(":not(:defined)")].map((each) => each.localName);
  await Promise.all([...new Set(elements)].map((name) => customElements.whenDefined(name)));
  const inSight = (each) => each.getBoundingClientRect().top < innerHeight && each.checkVisibility();
  await Promise.all([...document.images].filter(inSight).map((each) => each.decode().catch(() => {})));
  await Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})));
  for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame);
}"""


def examine(page: Page, name: str) -> list[str]:
    page.evaluate(SETTLED)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text() + "; undefined")
    run = "axe.run(document, {runOnly: tags, resultTypes: ['violations']})"
    found: dict[str, Any] = page.evaluate(f"(tags) => {run}", RULES)
    if found["violations"]:  # perhaps the page was still changing: a real violation stays
        no_more = f"async (tags) => !(await {run}).violations.length"
        try:
            page.wait_for_function(no_more, arg=RULES, timeout=3000, polling=500)
        except PlaywrightTimeoutError:
            found = page.evaluate(f"(tags) => {run}", RULES)
        else:
            return []
    return [
        f"{name}: {each['id']}: {node['html'][:160]} {[check['message'] for check in node['any']][:1]}"
        for each in found["violations"]
        for node in each["nodes"][:3]
    ]
