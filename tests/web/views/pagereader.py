"""Reads a page as a browser would: elements with their attributes, links, forms, text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "source", "br", "wbr", "hr"}
Element = tuple[str, dict[str, str]]


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    words: str = ""


class PageReader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.forms: list[Form] = []
        self.unclosed: list[str] = []
        self.stray: list[str] = []
        self.text = ""
        self._select = ""
        self.feed(html)
        self.close()

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        named = {name.replace("_", "-").rstrip("-"): value for name, value in attributes.items()}
        return [found for name, found in self.elements if name == tag and named.items() <= found.items()]

    @property
    def links(self) -> list[str]:
        return [found["href"] for found in self.all("a")]

    def form(self, words: str, *, having: str = "") -> Form:
        """The first form with these words on its button (and this field)."""
        return next(form for form in self.forms if words in form.words and (not having or having in form.fields))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in VOID:
            self.unclosed.append(tag)
        if tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get")))
        elif tag == "input" and found.get("type") in ("radio", "checkbox") and "checked" not in found:
            pass  # a browser sends those that are chosen
        elif tag == "input" and "name" in found and self._in("form"):
            self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif tag == "select" and self._in("form"):
            self._select = found["name"]
        elif tag == "option" and self._in("form"):
            self._offer(found)

    def _offer(self, option: dict[str, str]) -> None:
        """A list sends what is selected in it, or else its first choice."""
        fields = self.forms[-1].fields
        if self._select not in fields or "selected" in option:
            fields[self._select] = option["value"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.unclosed and self.unclosed[-1] == tag:
            self.unclosed.pop()
        else:
            self.stray.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in("button") and self._in("form"):
            self.forms[-1].words += data

    def _in(self, tag: str) -> bool:
        return tag in self.unclosed
