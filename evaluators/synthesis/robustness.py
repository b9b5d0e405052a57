"""Effective robustness: accuracy on generated pictures beyond what accuracy on real ones leads to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from editmill.evaluators.adapters.arrays import BoolArray, FloatArray
from editmill.evaluators.statistics import LEAST_SOURCES, ROUNDING, distinct_rows
from editmill.evaluators.synthesis.answers import Answers
from editmill.evaluators.synthesis.rows import ORIGINAL

LEAST_BASELINES = 3
# Share of the resamples that may have no line, because the baselines are equally accurate in them.
_LOST = 0.05
_CHUNK = 500


@dataclass(frozen=True)
class Robustness:
    """Effective robustness of one model on one conditioning, "" for all.

    Attributes:
        standard, shift: Accuracy on the control, and on generated pictures.
        expected: What the baselines' line gives for ``standard``.
        value: ``shift`` - ``expected``.
        low, high: Its 95 % interval; None where there are too few pictures for one.
        n: Pictures: the control's or the generated ones, whichever are fewer.
        baselines: Models that the line is fitted to; the model itself never is one.
    """

    model: str
    conditioning: str
    standard: float
    shift: float
    expected: float
    value: float
    low: float | None
    high: float | None
    n: int
    baselines: int


def effective_robustness(answers: Answers, *, resamples: int = 10_000, seed: int = 0) -> tuple[Robustness, ...]:
    """Return acc_shift - beta(acc_std), with beta a line between logits (Taori et al., arXiv 2007.00644, section 2).

    The line of every model is fitted to the baselines that were named, and judges the others; without named ones it is
    fitted to all models but the judged one. Both accuracies go through the same functions, so a model on the line has
    exactly 0; see `_Sides`. The interval is a percentile bootstrap over pictures, of which all answers are drawn
    together; a generated picture stays with the control that it was made from.

    Models with fewer than ``LEAST_BASELINES`` baselines, or whose baselines are equally accurate on the control, are
    left out; without control there is none.
    """
    judges = ~np.eye(len(answers.names), dtype=bool)
    if any(answers.baselines):
        named = np.array(answers.baselines)
        judges = np.where(named[:, None], False, named)
    judged = np.flatnonzero(judges.sum(axis=1) >= LEAST_BASELINES)
    if not judged.size or ORIGINAL not in answers.conditionings:
        return ()
    names = [name for name in answers.conditionings if name != ORIGINAL]
    found: list[Robustness] = []
    for name in (*names, *([""] if names else [])):
        found += _measure(answers, name, judged, judges[judged].astype(np.float64), resamples, seed)
    return tuple(found)


def _measure(
    answers: Answers, name: str, judged: np.ndarray, judges: FloatArray, resamples: int, seed: int
) -> list[Robustness]:
    sides = _Sides.of(answers, answers.edits == ORIGINAL, answers.edits == name if name else answers.edits != ORIGINAL)
    total = sides.rows.sum(axis=0)
    standard, shift = sides.accuracies(total[None])
    expected = sides.expect(standard, shift, judged, judges)[0]
    drawn = sides.resampled(judged, judges, resamples, seed)
    few = min(sides.units) < LEAST_SOURCES
    found = []
    for at, model in enumerate(judged):
        if np.isnan(expected[at]):
            continue
        low, high = (None, None) if few else _percentiles(drawn[:, at])
        real, lifted = float(standard[0, model]), float(shift[0, model])
        found.append(
            Robustness(
                answers.names[model],
                name,
                real,
                lifted,
                float(expected[at]),
                lifted - float(expected[at]),
                low,
                high,
                sides.n,
                int(judges[at].sum()),
            )
        )
    return found


def _percentiles(values: FloatArray) -> tuple[float | None, float | None]:
    known = values[~np.isnan(values)]
    if known.size < (1 - _LOST) * values.size:
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return (float(low), float(high)) if high - low > ROUNDING else (None, None)


@dataclass(frozen=True)
class _Sides:
    """Right answers and numbers of pictures, of the control and of generated ones, by what is drawn as one.

    Half a success and half a failure are added to the smaller number of pictures, on both sides, so that accuracies of
    0 and 1 have logits. What the line gives is led back through the same function.

    Accuracies scatter, and their scatter flattens the line of least squares: at 24 pictures the weakest of eight models
    got -10 points and the strongest +3 without deserving any. So the variance that the answers themselves show is taken
    off. Where the baselines scatter around the line no more than that, the symmetric line is used (reduced major axis),
    of which neither side is the cause of the other.

    Attributes:
        rows: Float [units, 2 * models + 2]: the models' right answers on either side, then the numbers of pictures.
        models: Number of models.
        n: The smaller number of pictures.
        units: Units with pictures of either side.
    """

    rows: FloatArray
    models: int
    n: int
    units: tuple[int, int]

    @classmethod
    def of(cls, answers: Answers, control: BoolArray, shifted: BoolArray) -> _Sides:
        numbers, right = [], []
        for side in (control, shifted):
            numbers.append(answers.sum_units(side[None].astype(np.float64)))
            right.append(answers.sum_units((answers.right & side).astype(np.float64)))
        rows = np.concatenate([*right, *numbers], axis=0).T
        counts = [int(number.sum()) for number in numbers]
        units = tuple(int((number > 0).sum()) for number in numbers)
        # Units with pictures of neither side would only thin the draws out.
        rows = rows[rows[:, -2:].any(axis=1)]
        return cls(rows, len(answers.names), min(counts), (units[0], units[1]))

    def accuracies(self, totals: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return both accuracies, [draws, models], of totals [draws, 2 * models + 2]."""
        k = self.models
        with np.errstate(invalid="ignore"):
            return totals[:, :k] / totals[:, -2:-1], totals[:, k : 2 * k] / totals[:, -1:]

    def expect(
        self, standard: FloatArray, shift: FloatArray, judged: np.ndarray, judges: FloatArray, *, noise: float = 1.0
    ) -> FloatArray:
        """Return the expected accuracies of the judged models, [draws, judged]; NaN where there is no line.

        ``noise`` says how often over the accuracies have the variance that the answers show.
        """
        x, y = logit(self._shrink(standard)), logit(self._shrink(shift))
        count = judges.sum(axis=1)
        mean_x, mean_y = x @ judges.T / count, y @ judges.T / count
        xx = x * x @ judges.T / count - mean_x * mean_x
        yy = y * y @ judges.T / count - mean_y * mean_y
        xy = x * y @ judges.T / count - mean_x * mean_y
        noise_xx, noise_yy, noise_xy = (noise * part for part in self._noise(judges))
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = (xy - noise_xy) / (xx - noise_xx)
            symmetric = np.sign(xy) * np.sqrt(np.maximum(yy, 0) / xx)
            scattered = (xx > noise_xx) & (yy - noise_yy > slope * (xy - noise_xy))
            slope = np.where(xx > ROUNDING, np.where(scattered, slope, symmetric), np.nan)
        line = expit(mean_y + slope * (x[:, judged] - mean_x))
        return np.clip((line * (self.n + 1) - 0.5) / self.n, 0.0, 1.0)

    def resampled(self, judged: np.ndarray, judges: FloatArray, resamples: int, seed: int) -> FloatArray:
        """Return effective robustness in resamples of the units, [resamples, judged]."""
        distinct, counts = distinct_rows(self.rows)
        rng, values = np.random.default_rng(seed), np.empty((resamples, len(judged)))
        for start in range(0, resamples, _CHUNK):
            size = min(_CHUNK, resamples - start)
            draws = rng.multinomial(len(self.rows), counts / len(self.rows), size=size).astype(np.float64)
            standard, shift = self.accuracies(draws @ distinct)
            # A resample scatters as the answers do, and about answers that scatter already.
            expected = self.expect(standard, shift, judged, judges, noise=2.0)
            values[start : start + size] = shift[:, judged] - expected
        return values

    def _shrink(self, accuracy: FloatArray) -> FloatArray:
        return (accuracy * self.n + 0.5) / (self.n + 1)

    def _noise(self, judges: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return how much of the baselines' variance of x and y, and covariance, comes from the choice of pictures.

        By the delta method; what moves all baselines alike is no scatter between them.
        """
        moves = []
        k, total = self.models, self.rows.sum(axis=0)
        for side, accuracy in enumerate(self.accuracies(total[None])):
            own, number = self.rows[:, side * k : (side + 1) * k], self.rows[:, 2 * k + side]
            shrunk = self._shrink(accuracy[0])
            moves.append((own - np.outer(number, accuracy[0])) / (total[2 * k + side] * shrunk * (1 - shrunk)))
        x, y = moves
        return tuple(_spread(a.T @ b, judges) for a, b in ((x, x), (y, y), (x, y)))  # type: ignore[return-value]


def _spread(covariance: FloatArray, judges: FloatArray) -> FloatArray:
    """Return the mean covariance of the baselines about their own mean, [judged]."""
    count = judges.sum(axis=1)
    own, common = judges @ np.diag(covariance) / count, np.einsum("jm,mk,jk->j", judges, covariance, judges) / count**2
    return np.asarray(own - common)
