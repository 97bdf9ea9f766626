"""Turns a page's object into HTML. The only place that knows Jinja."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.compiler import CodeGenerator
from jinja2.compiler import Frame as Frame_
from jinja2.nodes import Call, EvalContext, Expr
from jinja2.runtime import Macro

from app.contract.result import MediaRole
from app.settings import ROOT
from app.web import formatting, markup, urls
from app.web.assets import Assets
from app.web.charts import line_chart
from app.web.views.layout import Page

INDENTATION = re.compile("\n[ \t]+")  # a third of a page, which somebody would have to write, compress and send
TEMPLATES = ROOT / "frontend" / "templates"


def render(page: Page, *, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(to_html(page), status_code=status, headers={"Cache-Control": "no-cache", **(headers or {})})


def to_html(page: Page) -> str:
    return environment().get_template(page.template).render(page=page)


class Writer(CodeGenerator):
    """Lets templates write their values by `written`, and call what they call by `called`."""

    def _output_child_pre(self, node: Expr, frame: Frame_, finalize: CodeGenerator._FinalizeInfo) -> None:
        self.write("environment.written(")

    def visit_Call(self, node: Call, frame: Frame_, forward_caller: bool = False) -> None:  # noqa: N802
        self.write("environment.called(context.eval_ctx, ")
        self.visit(node.node, frame)
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write(")")


def called(context: EvalContext, what: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Jinja's own way looks at each function anew, whether it wants to know where it is called; macros alone do."""
    return what(context, *given, **named) if type(what) is Macro else what(*given, **named)


class Templates(Environment):
    code_generator_class = Writer
    getattr = staticmethod(getattr)  # type: ignore[assignment]  # templates are given objects: no keys to try
    written = staticmethod(markup.written)
    called = staticmethod(called)

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        return INDENTATION.sub("\n ", source)


@cache
def environment() -> Environment:
    made = Templates(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        urls=urls,
        hover_loop=markup.hover_loop,
        unit_still=markup.unit_still,
        unit_line=markup.unit_line,
        seen_so=markup.seen_so,
        NO_STIMULUS=markup.NO_STIMULUS,
        asset=Assets().url,
        MediaRole=MediaRole,
        chart_box=f"0 0 {line_chart.WIDTH} {line_chart.HEIGHT}",
    )
    for module in (formatting, markup):
        own = {name: each for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__}
        made.filters.update(own)
    return made
