"""Settings of the family ``watermark``: schemes, the ladder of attacks, the model's conditions, and the guard."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from editmill.generators.base.family import Settings
from editmill.generators.watermark.kinds import SCHEMES, STARTS, Sampler, SchemeKind, Start, StartKind
from editmill.manifests.errors import RequestError
from editmill.manifests.files import FileProblem
from editmill.manifests.payloads import public_secret, read_secret
from editmill.manifests.records import SourceRecord

Spacing = Literal["", "leading", "trailing", "linspace"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$", max_length=40)]
RungName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=30)]
Threshold = Annotated[int, Field(ge=0, le=2000)]
# Narrower pictures can't be padded by reflection to what networks need.
LEAST_SIDE = 32
# Stands for the scheme in the keys of negatives.
UNMARKED = "unmarked"


class SchemeSettings(BaseModel):
    """One watermark.

    Attributes:
        name: One of editmill's adapters, or any name where ``factory`` is given.
        bits: Payload length; rivaGan has 32 only.
        factory: ``package.module:function`` that returns a scheme
            (`editmill.generators.watermark.schemes.base.Scheme`), for schemes of others. It is imported when the scheme
            is made, never to validate a recipe.
        options: Keyword arguments of the factory, such as the folder of its weights.
        regenerate: False embeds and reads it without any regeneration, for schemes that fail unattacked.
        private: For a factory whose decoder others don't have: with a secret, pictures that carry its mark are stored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    bits: int = Field(32, ge=8, le=4096)
    factory: str = Field("", pattern=r"^([^:]+:[^:]+)?$")
    options: dict[str, Any] = Field(default_factory=dict)
    regenerate: bool = True
    private: bool = False

    @model_validator(mode="after")
    def _check(self) -> SchemeSettings:
        if self.factory:
            return self
        kind = self.kind
        if kind is None:
            names = ", ".join(SCHEMES)
            raise ValueError(f"no scheme {self.name!r}; use one of {names}, or give factory: package.module:function")
        if self.options:
            raise ValueError("options are for a factory")
        if self.private:
            raise ValueError(f"private is for a factory: everybody can decode {self.name}")
        if kind.bits and self.bits != kind.bits:
            raise ValueError(f"{self.name} has {kind.bits} bits, not {self.bits}")
        return self

    @property
    def kind(self) -> SchemeKind | None:
        """What is known of the scheme; None for one of a factory."""
        return None if self.factory else SCHEMES.get(self.name)


class AttackSettings(BaseModel):
    """One rung of the ladder, or an arm beside it.

    Attributes:
        name: Unique name of the rung.
        start: ``none`` (geometry and codec only), ``vae`` (autoencoder round trip), ``partial`` (noised latents),
            ``terminal`` (noised latents before the first step of the schedule, as image-to-image pipelines do at
            strength 1), ``clean`` (pure noise).
        n_steps: Executed steps of ``partial``; the others run none or all.
        steps: Of the whole schedule; 0 for the generator's. More steps reach weaker starts.
        ladder: Part of the ladder; False for an arm that is compared with a rung.
        share: Share of the sources that are attacked, chosen by a hash of their ids; equal for all rungs with the same
            share.
        control, adapter: Scales of the ControlNet and of the image adapter; 0 switches off.
        colour_match: Whether colours are matched to what entered the attack.
        passes: How often the picture is regenerated.
        spacing: Of the timesteps; empty for that of the generator.
        codec, quality: Delivery after the attack, 1 to 100; png is lossless.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: RungName
    start: Start
    n_steps: int = Field(0, ge=0)
    steps: int = Field(0, ge=0, le=1000)
    ladder: bool = True
    share: float = Field(1.0, gt=0, le=1)
    control: float = Field(1.0, ge=0, le=2)
    adapter: float = Field(1.0, ge=0, le=2)
    colour_match: bool = True
    passes: int = Field(1, ge=1, le=20)
    spacing: Spacing = ""
    codec: Literal["png", "jpeg", "webp"] = "png"
    quality: int = Field(0, ge=0, le=100)

    @model_validator(mode="after")
    def _check(self) -> AttackSettings:
        if self.kind.partial != bool(self.n_steps):
            has = f"{self.name} has start {self.start} and n_steps {self.n_steps}"
            raise ValueError(f"n_steps is for start partial, which needs it; {has}")
        if (self.codec == "png") != (self.quality == 0):
            has = f"{self.name} has {self.codec} and quality {self.quality}"
            raise ValueError(f"quality goes with the codecs jpeg and webp; {has}")
        return self

    @property
    def kind(self) -> StartKind:
        """What its start means."""
        return STARTS[self.start]

    def takes(self, scheme: SchemeSettings) -> bool:
        """Return whether pictures with a scheme's mark are attacked."""
        return scheme.regenerate or not self.kind.regenerates

    def key_label(self, scheme: str) -> str:
        """Return how keys name a sample: by the attack and by the scheme, "" for a negative."""
        return f"{self.name}-{scheme.lower() or UNMARKED}"


class WatermarkSettings(Settings):
    """Schemes times attacks, and how the model regenerates.

    Attributes:
        schemes: Marks that are embedded; negatives are shared by all.
        attacks: The fixed grid.
        secret_file: File whose bytes embedded keys are derived from; left out of the recipe, which keeps its sha256.
            With it, the dataset holds no picture that carries a mark, but for private schemes, and no evidence of
            single bits. Without it the secret comes from the recipe's seed, so that whoever has the recipe knows the
            keys.
        secret_sha256: Digest of that file, filled in when the recipe is read.
        rights_basis: Why the pictures may be used, where a source states no licence.
        originals: ``stored`` keeps source and watermarked picture beside the attacked one, ``reference`` only their
            digests, which is the default with a secret.
        side: Shorter side in pixels that pictures are brought to before embedding; 0 keeps their size.
        fit: ``pad`` keeps the whole picture (the model sees it padded by reflection), ``crop`` cuts the central square
            of ``side``.
        least_pixels: Smaller pictures are refused. invisible-watermark's own limit is 256 x 256.
        steps, guidance, prompt, negative_prompt, sampler, spacing: Of the diffusion. An empty spacing is the model's
            own.
        canny: Lower and upper threshold of the edges that the ControlNet is shown.
        second_seed: Share of the sources that are regenerated once more with another seed.
    """

    kind: Literal["watermark"] = "watermark"
    schemes: tuple[SchemeSettings, ...] = Field(min_length=1)
    attacks: tuple[AttackSettings, ...] = Field(min_length=1)
    secret_file: Path | None = Field(None, exclude=True)
    secret_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    rights_basis: str = ""
    originals: Literal["stored", "reference"] = "stored"
    side: int = Field(0, ge=0, le=8192)
    fit: Literal["pad", "crop"] = "pad"
    least_pixels: int = Field(256 * 256, ge=64 * 64)
    steps: int = Field(50, ge=1, le=1000)
    guidance: float = Field(2.0, ge=0, le=100)
    prompt: str = "best quality, high quality"
    negative_prompt: str = "monochrome, lowres, bad anatomy, worst quality, low quality"
    sampler: Sampler = "ddim"
    spacing: Spacing = "trailing"
    canny: tuple[Threshold, Threshold] = (100, 150)
    second_seed: float = Field(0.0, ge=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _commit(cls, values: Any) -> Any:
        """Fill in what a secret changes, and its digest, by which a recipe without the file is told from one with
        another.
        """
        if not isinstance(values, dict) or "secret_file" not in values:
            return values
        given = values["secret_file"]
        if given in (None, ""):
            # Such as an option whose variable is not set: keys would be public without a word.
            raise ValueError("secret_file is empty; name a file, or leave it out")
        if not isinstance(given, str | Path):
            return values
        try:
            digest = hashlib.sha256(read_secret(Path(given))).hexdigest()
        except FileProblem as problem:
            raise ValueError(f"secret_file {given} can't be used: {problem}") from problem
        if values.get("secret_sha256", digest) not in ("", digest):
            raise ValueError(f"secret_file {given} is not the secret that secret_sha256 names")
        return {"originals": "reference", **values, "secret_sha256": digest}

    @model_validator(mode="after")
    def _check(self) -> WatermarkSettings:
        self._check_names()
        if any(one.kind.regenerates for one in self.attacks) and not any(one.regenerate for one in self.schemes):
            what = "no scheme is regenerated, so that its negatives would be compared with nothing"
            raise ValueError(f"{what}; leave regenerate: true for one")
        over = [one.name for one in self.attacks if one.n_steps > self.steps_of(one)]
        if over:
            raise ValueError(f"{', '.join(over)}: n_steps is more than steps")
        if self.secret_sha256 and self.secret_file is None:
            raise ValueError("the recipe was made with a secret; give its file with --set generator.secret_file=FILE")
        private = [one.name for one in self.schemes if one.private]
        if self.hidden and private and self.originals == "stored":
            what = f"originals beside pictures with the mark of {', '.join(private)} show the mark"
            raise ValueError(f"{what}, which a secret is to hide; leave originals: reference")
        if self.fit == "crop" and not self.side:
            raise ValueError("fit crop needs side, the square's side in pixels")
        return self

    def _check_names(self) -> None:
        schemes = [one.name for one in self.schemes]
        for what, names in (("schemes", schemes), ("attacks", [one.name for one in self.attacks])):
            if repeated := _repeated(names):
                raise ValueError(f"{what} must have different names; {', '.join(repeated)} is given twice")
        same = _repeated(attack.key_label(name) for attack in self.attacks for name in (*schemes, ""))
        if same:
            raise ValueError(f"names of schemes and attacks give two samples one key ({same[0]}); rename one")

    def code(self) -> tuple[str, ...]:
        """Return every named factory."""
        return tuple(one.factory for one in self.schemes if one.factory)

    @property
    def hidden(self) -> bool:
        """Whether embedded keys are kept from whoever has the dataset."""
        return bool(self.secret_sha256)

    def withholds(self, scheme: str) -> bool:
        """Return whether pictures with a scheme's mark stay out of the dataset, since they would tell its keys."""
        return self.hidden and any(one.name == scheme and not one.private for one in self.schemes)

    @property
    def guided(self) -> bool:
        """Whether every step also asks the network without the prompt, as classifier-free guidance does."""
        return self.guidance > 1

    def lacks_rights(self, source: SourceRecord) -> str:
        """Return that nobody states a right to use a source, and what helps; "" where somebody does."""
        if source.licence or self.rights_basis:
            return ""
        fix = "give --set source.licence=… or --set generator.rights_basis=…"
        return f"{source.image_name} states no licence; {fix}"

    def framed(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height in pixels to which a picture is brought; ``pad`` neither enlarges nor cuts."""
        if self.fit == "crop":
            width = height = min(width, height)
        scale = self.side / min(width, height) if self.side else 1.0
        if self.fit == "pad":
            scale = min(scale, 1.0)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def too_small(self, width: int, height: int) -> str:
        """Return why a picture has too few pixels for marks, as it is or when it is framed; "" where it has enough."""
        return self._too_few(width, height) or self._too_few(*self.framed(width, height))

    def _too_few(self, width: int, height: int) -> str:
        if height * width >= self.least_pixels and min(height, width) >= LEAST_SIDE:
            return ""
        limits = f"{LEAST_SIDE} on a side, {self.least_pixels} in all (least_pixels)"
        return f"{width}x{height} pixels are too few: {limits}"

    def steps_of(self, attack: AttackSettings) -> int:
        """Return the steps of the whole schedule that an attack runs a part of."""
        return attack.steps or self.steps

    def executed(self, attack: AttackSettings) -> int:
        """Return the denoising steps that an attack runs per pass."""
        if attack.kind.partial:
            return attack.n_steps
        return self.steps_of(attack) if attack.kind.denoises else 0

    def cost(self, attack: AttackSettings) -> int:
        """Return the network evaluations of an attack, all passes together."""
        return attack.passes * self.executed(attack) * (2 if self.guided else 1)

    def secret(self, seed: int) -> bytes:
        """Return the bytes that embedded keys are derived from.

        Raises:
            RequestError: The file is gone, or has another content than when the recipe was read.
        """
        if self.secret_file is None:
            return public_secret(seed)
        try:
            secret = read_secret(self.secret_file)
        except FileProblem as problem:
            what = f"the secret can't be read any more: {problem}"
            raise RequestError(what, where=str(self.secret_file), fix="restore it") from problem
        if hashlib.sha256(secret).hexdigest() != self.secret_sha256:
            what = "the secret was changed since the build began"
            raise RequestError(what, where=str(self.secret_file), fix="restore it")
        return secret


class WatermarkGuardSettings(Settings):
    """What the results must pass; no detector is asked.

    Attributes:
        contrast: Least standard deviation of the attacked picture's grey values, 0 to 255, as a share of that of what
            entered the attack.
    """

    kind: Literal["watermark"] = "watermark"
    contrast: float = Field(0.1, ge=0, le=1)


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
