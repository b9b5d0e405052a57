"""Pages: one template for all of them, filled in by jinja2, with plots drawn into them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from editmill.evaluators.extras import require_drawing
from editmill.evaluators.plots import draw

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, *, title: str, **values: Any) -> str:
    """Return a page that needs nothing beside it; equal values give equal pages.

    Args:
        template: Its file in the folder of templates.
        title: Of the browser's tab.
        values: What it shows; texts are escaped.

    Raises:
        RequestError: The packages that draw pages are not installed.
    """
    jinja2 = require_drawing("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    fixed = {"style": read_asset("style.css"), "draw": draw, "title": title}
    text: str = environment.get_template(template).render(**fixed, **values)
    return text


def read_asset(name: str) -> str:
    """Return the text of a file beside the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()
