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
    button_text: str = ""


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
        """Return the attributes of all elements with this tag and these attributes."""
        named = {name.replace("_", "-").rstrip("-"): value for name, value in attributes.items()}
        return [element for name, element in self.elements if name == tag and named.items() <= element.items()]

    @property
    def stand_ins(self) -> list[dict[str, str]]:
        """Return the attributes of the real clips that stand in for stimuli."""
        return [span for span in self.all("span") if "stand-in" in span.get("class", "").split()]

    @property
    def links(self) -> list[str]:
        return [link["href"] for link in self.all("a")]

    def form(self, button_text: str, *, having: str = "") -> Form:
        """Return the first form with this text on its button (and with the field `having`)."""
        return next(
            form for form in self.forms if button_text in form.button_text and (not having or having in form.fields)
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.unclosed.append(tag)
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get")))
        elif tag == "input" and attributes.get("type") in ("radio", "checkbox") and "checked" not in attributes:
            pass  # a browser sends only the checked ones
        elif tag == "input" and "name" in attributes and self._in("form"):
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "select" and self._in("form"):
            self._select = attributes["name"]
        elif tag == "option" and self._in("form"):
            self._offer(attributes)

    def _offer(self, option: dict[str, str]) -> None:
        """Record an option: a list sends the selected one, or else its first."""
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
            self.forms[-1].button_text += data

    def _in(self, tag: str) -> bool:
        return tag in self.unclosed
