"""The reference of commands, from the tree of click commands."""

from __future__ import annotations

import inspect

import click

from docs.site.markdown import table
from editmill.flows.cli import main

HEAD = """# Commands

Written from the code by `make docs`; `editmill COMMAND --help` prints the same.

Exit codes: 0 done; 1 the data is wrong, or a limit was not kept; 2 the request is wrong, and one message says what,
where and how to put it right; 130 and 143 stopped by Ctrl-C or SIGTERM.

"""


def command_pages() -> dict[str, str]:
    """Return the page by its path."""
    root = click.Context(main, info_name="editmill")
    return {"docs/reference/commands.md": HEAD + "".join(_command(root, name) for name in sorted(main.commands))}


def _command(parent: click.Context, name: str, level: int = 2) -> str:
    assert isinstance(parent.command, click.Group)
    command = parent.command.commands[name]
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * level} {context.command_path}\n", f"```text\n{usage}\n```\n", _prose(command.help or "")]
    records = [record for option in command.get_params(context) if (record := option.get_help_record(context))]
    rows = [(f"`{names}`", _meaning(text)) for names, text in records if text]
    text = "\n".join([*parts, table(("option", "meaning"), rows)]) + "\n"
    below = sorted(command.commands) if isinstance(command, click.Group) else []
    return text + "".join(_command(context, inner, level + 1) for inner in below)


def _meaning(text: str) -> str:
    """Return an option's help for a cell; lines that click is told not to wrap stay lines."""
    before, mark, lines = text.replace("[", "\\[").partition("\b\n")
    return before + (" <br>".join(lines.strip().splitlines()) if mark else "")


def _prose(text: str) -> str:
    """Return help as Markdown: what click is told not to wrap is code, its first line the lead."""
    blocks = []
    for block in inspect.cleandoc(text).split("\n\n"):
        if block.startswith("\b\n"):
            lead, _, lines = block[2:].partition("\n")
            blocks.append(f"{lead}\n\n```sh\n{inspect.cleandoc(lines)}\n```\n")
        else:
            blocks.append(block + "\n")
    return "\n".join(blocks)
