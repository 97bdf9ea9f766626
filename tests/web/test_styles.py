"""Templates and style sheets use the same CSS classes."""

import re

from app.settings import ROOT

CLASS_ATTRIBUTE = re.compile(r'\bclass="((?:\{\{.*?\}\}|\{%.*?%\}|[^"{])*)"')
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
TEMPLATES = [*(ROOT / "frontend" / "templates").rglob("*.html"), *(ROOT / "app" / "web").rglob("*.py")]
STYLES = [file for file in (ROOT / "frontend" / "src" / "style").glob("*.css") if file.name != "docs.css"]
SCRIPTS = (ROOT / "frontend" / "src").rglob("*.js")


def styled_classes() -> set[str]:
    """Return the classes in the selectors of the dashboard's own style sheets."""
    rules = [rule for file in STYLES for rule in re.findall(r"([^{};]+)\{", COMMENT.sub("", file.read_text()))]
    return {name for rule in rules for name in re.findall(r"\.([a-zA-Z][\w-]*)", rule)}


def test_every_class_of_a_template_has_a_style() -> None:
    used = {}
    for file in TEMPLATES:
        for value in CLASS_ATTRIBUTE.findall(file.read_text()):
            chosen = [text for part in JINJA.findall(value) for text in re.findall(r'"([^"]*)"', part)]
            for name in " ".join([JINJA.sub(" ", value), *chosen]).split():
                used[name] = file.name
    styled = styled_classes() | {"docs-head", "heat-"}  # in docs.css; followed by a number
    assert {name: file for name, file in used.items() if name not in styled and re.fullmatch(r"[\w-]+", name)} == {}


def test_every_class_of_a_style_sheet_is_used() -> None:
    text = " ".join(file.read_text() for file in [*TEMPLATES, *SCRIPTS, *(ROOT / "app" / "contract").rglob("*.py")])
    words = set(re.findall(r"[a-zA-Z][\w-]*", text))
    assert {name for name in styled_classes() if re.sub(r"\d+$", "", name) not in words} == set()
