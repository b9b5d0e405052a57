"""Pages on troubleshooting and operations quote messages that the code has, and every reason is explained somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.reasons import Reason
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.synthesis.reasons import SynthesisReason
from editmill.generators.text.reasons import TextReason
from editmill.generators.watermark.reasons import WatermarkReason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
QUOTING = PAGE.partition("## Reasons in rows")[0] + (ROOT / "docs/operations.md").read_text().partition("## Sizes")[0]
MESSAGES = re.findall(r"^\| `([^`]+)` \|", QUOTING, re.MULTILINE)
REASONS = (Reason, AttributeReason, GuardReason, SynthesisReason, TextReason, WatermarkReason)


@cache
def code() -> str:
    """All code, with literals that go on in the next line joined."""
    folders = ("evaluators", "flows", "generators", "manifests", "pipelines")
    text = "\n".join(path.read_text() for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return re.sub(r'"\n\s*f?"', "", text)


@pytest.mark.parametrize("message", MESSAGES)
def test_every_quoted_message_is_one_of_the_code(message: str) -> None:
    assert re.search(".{1,60}?".join(map(re.escape, message.split("…"))), code()), message


def test_there_are_messages() -> None:
    assert len(MESSAGES) > 20


def test_every_reason_is_explained() -> None:
    named = set(re.findall(r"`([a-z_]+)`", "\n".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))))
    assert {reason.value for reasons in REASONS for reason in reasons} - named == set()
