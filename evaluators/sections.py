"""Reports as titled tables: aligned text, and one page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from editmill.evaluators.layout import align


@dataclass(frozen=True)
class Section:
    """A titled table; ``notes`` say how to read it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: tuple[str, ...] = ()


def text_section(section: Section, *, shared: int) -> str:
    """Return the table as aligned text; the first ``shared`` cells name a row."""
    lines = align([section.head, *section.rows], shared=shared, titles=[section.title])
    return "\n".join([*(line.rstrip() for line in lines), *section.notes])


def html_section(section: Section) -> str:
    """Return the table with its title and notes."""
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in section.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in section.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in section.notes)
    table = f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<h2>{escape(section.title)}</h2>{table}{notes}"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }}
h1 {{ font-size: 1.6rem; margin-bottom: 0 }} h2 {{ font-size: 1.15rem; margin: 2rem 0 .5rem }} .note {{ color: #595959; margin: .2rem 0 }}
.scroll {{ overflow-x: auto }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }}
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) {{ text-align: left }} thead th {{ border-bottom: 2px solid #888 }}
.warnings {{ background: #fff4d6; border-left: 4px solid #e69f00; padding: .5rem 1rem .5rem 2rem; margin: 1rem 0 }}
svg {{ width: 100%; max-width: 860px; height: auto }}
</style></head><body>
<h1>{title}</h1><p class="note">{facts}</p>{lead}
{body}
</body></html>
"""


def report_page(
    title: str, facts: str, *, warnings: Sequence[str], plots: str = "", sections: Sequence[Section], lead: str = ""
) -> str:
    """Return a page: title, facts, ``lead`` (HTML), warnings, ``plots`` (HTML) and the tables."""
    items = "".join(f"<li>{escape(line)}</li>" for line in warnings)
    body = (f'<ul class="warnings">{items}</ul>' if items else "") + plots + "\n".join(map(html_section, sections))
    return _PAGE.format(title=escape(title), facts=escape(facts), lead=lead, body=body)
