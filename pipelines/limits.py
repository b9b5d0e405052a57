"""The thresholds that decided over a dataset, each with the score that it is put on."""

from __future__ import annotations

from editmill.manifests.errors import RequestError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.records import Manifest
from editmill.pipelines.registry import family_of

# Name of the score, threshold, what the threshold is called, and the score that says whether it decided; "" where it
# always does.
Limit = tuple[str, float, str, str]


def limits_of(manifest: Manifest, report: GuardReport | None) -> list[Limit]:
    """Return the thresholds on scores of a dataset's rows, those of its calibration too.

    Limits that are relative to something else, such as a source's score, are left out. Nothing is known of families of
    packages that are not installed.
    """
    settings = manifest.recipe.get("guard") or {}
    try:
        regating = family_of(manifest.generator).regating
    except RequestError:
        regating = None
    # A setting that bears a score's name is the threshold of that score.
    scores = regating.limited if regating else {name: name for name in settings}
    relative = regating.relative if regating else frozenset[str]()
    found = [
        (score, float(settings[name]), name)
        for name, score in scores.items()
        if name not in relative and isinstance(settings.get(name), int | float)
    ]
    found += regating.reported_limits(report) if regating and report else []
    judged = regating.judged if regating else {}
    return [(*limit, judged.get(limit[0], "")) for limit in found if limit[0] in manifest.score_names]
