"""What becomes of work that fails: jobs that libraries can't do, run again in halves so that a bad one fails alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar

from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import Made
from editmill.generators.models.model_errors import is_model_error
from editmill.manifests.errors import EditmillError

logger = logging.getLogger("editmill.making")

J = TypeVar("J")
T = TypeVar("T")


def in_parts(
    run: Callable[[Sequence[J]], Sequence[T]],
    jobs: Sequence[J],
    *,
    failed: Callable[[J, Exception], T],
    unit: Callable[[J], Hashable] = id,
) -> list[T]:
    """Run jobs together; where that fails, ever smaller parts of them, so that one bad job fails alone.

    What is no model's fault, such as running out of memory, halves the jobs too, and is raised for a single unit.

    Args:
        run: Results in the order of the jobs; it may run again for the same ones.
        jobs: What to run.
        failed: The result of a job that fails alone.
        unit: Jobs of one unit are never run apart.

    Raises:
        EditmillError: Something is wrong with the request, a model or the data as a whole.
        OSError: The disk fails.
        Exception: One unit does not fit into memory, or the program is at fault.
    """
    if not jobs:
        return []
    try:
        return list(run(jobs))
    except (EditmillError, OSError):
        raise
    except Exception as error:
        units = list(dict.fromkeys(map(unit, jobs)))
        if len(units) > 1:
            first = set(units[: len(units) // 2])
            halves = ([job for job in jobs if unit(job) in first], [job for job in jobs if unit(job) not in first])
            results = [iter(in_parts(run, half, failed=failed, unit=unit)) for half in halves]
            # Units may be interleaved, so the results are put back in the order of the jobs.
            return [next(results[unit(job) not in first]) for job in jobs]
        if not is_model_error(error):
            raise
        return [failed(job, error) for job in jobs]


class Named(Protocol):
    """A job that messages can name."""

    @property
    def key(self) -> str: ...


def failed_job(job: Named, error: Exception) -> Made:
    """Return what a job is whose model failed; another seed may fare better."""
    return Made(reasons=(Reason.PROPOSER_ERROR,), detail=told(job, error))


def said(error: Exception) -> str:
    """Return what a library said."""
    return f"{type(error).__name__}: {error}"


def told(job: Named, error: Exception) -> str:
    """Return what a library said of a job, after warning of it."""
    what = said(error)
    logger.warning("%s: %s", job.key, what)
    return what
