"""Model packs as data: a YAML file that maps roles to checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from editmill.generators.models.few_steps import LCM_STEPS, LORA_CLASS, LORA_PART, Sampler
from editmill.manifests.errors import ModelError, RequestError
from editmill.manifests.weights import Choice
from editmill.manifests.wording import say, without_consequences
from editmill.manifests.yaml_text import YamlProblem, read_yaml

# What families, guards and evaluators ask packs for, beside classifiers, which recipes name.
ROLES = frozenset(
    (
        "inpaint",
        "removal",
        "text_to_image",
        "image_to_image",
        "controlnet",
        "image_adapter",
        "image_variation",
        "safety_checker",
        "autoencoder",
        "vq",
        "unconditional",
        "zero_shot",
        "zero_shot_2",
        "evaluation_encoder",
        "image_encoder",
        "segmenter",
        "detector",
        "masked_lm",
        "causal_lm",
        "nli",
    )
)
COMMIT = re.compile(r"[0-9a-f]{40}")


class RoleEntry(BaseModel):
    """One checkpoint.

    Attributes:
        cls: Class that loads it, as ``diffusers.X`` or ``transformers.X``.
        path: Folder relative to the pack's file (embedded weights), or "".
        repo: Hub id, or "" for embedded weights.
        revision: Commit of the hub repository, never a branch; "" for the one that is on the disk.
        subfolder: Where in the folder or repository the checkpoint lies, or "" for its top.
        file: The one file that holds all weights, relative to that folder, such as ``sam_vit_b_01ec64.pth``.
        variant: Of the weights, such as ``fp16``; "" for those without one or, where there are none, the only one.
        pickled: Whether its repository publishes pickles (.bin) alone, for the command that downloads it.
        made: Folder under ``--models-dir`` that ``command`` makes of a published checkpoint of another format.
        command: What makes it, for the message that it is missing.
        licence: SPDX identifier or the licence's name.
        parts: Further roles that the class takes as keyword arguments, such as ``vae: autoencoder``.
        vocabulary: Class names that a closed-vocabulary judge knows; empty for an open one.
        control: What the ControlNet of an inpainting pipeline reads: ``hole`` (white on the hole) or ``masked`` (the
            picture, -1 in the hole).
        side: Side in pixels of the pictures that an inpainting pipeline was trained on; 0 for what its checkpoint says.
        prompt: Template of class prompts, with ``{}`` for the class name.
        sampler: Of a pipeline, the few-step scheduler that takes the place of its checkpoint's: ``lcm``, ``turbo`` or
            ``lightning``; None for the checkpoint's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cls: str
    path: str = ""
    repo: str = ""
    revision: str = ""
    subfolder: str = ""
    file: str = ""
    variant: str = ""
    pickled: bool = False
    made: str = ""
    command: str = ""
    licence: str
    parts: dict[str, str] = Field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    control: Literal["hole", "masked"] = "masked"
    side: int = Field(0, ge=0)
    prompt: str = "a photo of a {}"
    sampler: Sampler | None = None

    @property
    def choice(self) -> Choice:
        """What is chosen of a folder that may hold more than is loaded."""
        return Choice(self.variant, self.file, tuple(self.parts))

    @property
    def classifies(self) -> bool:
        """Whether it is an image classifier."""
        return "ForImageClassification" in self.cls or self.cls.startswith("torchvision.models.")

    def class_prompts(self, class_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the prompt for each class; of names with synonyms ("cock, rooster") the first is used."""
        return tuple(self.prompt.format(name.split(",")[0]) for name in class_names)

    @model_validator(mode="after")
    def _check_place(self) -> RoleEntry:
        if [bool(self.path), bool(self.repo), bool(self.made)].count(True) != 1:
            raise ValueError("a role has a path (embedded weights), a repo (hub id), or made (a converted folder)")
        if bool(self.made) != bool(self.command):
            raise ValueError("made needs the command that makes the folder, and command is for made")
        if self.repo and self.revision and not COMMIT.fullmatch(self.revision):
            raise ValueError(
                f"revision {self.revision!r} of {self.repo} is not a full commit; branches move. Give the commit, or "
                "leave the field out to take the one that is on the disk"
            )
        for name in ("subfolder", "file"):
            place = PurePosixPath(getattr(self, name))
            if place.is_absolute() or ".." in place.parts:
                raise ValueError(f"{name} {str(place)!r} does not lie inside of the checkpoint's folder")
        if self.sampler and not self.cls.endswith("Pipeline"):
            raise ValueError(f"a sampler is for pipelines, which {self.cls} is not")
        if not self.cls.rpartition(".")[0]:
            raise ValueError(f"class {self.cls!r} needs its package, as in diffusers.AutoencoderKL")
        return self


class AttributeGroup(BaseModel):
    """A group of attribute words, and from when on the pack's judges are believed.

    Calibrated on scenes that nothing else uses.

    Attributes:
        words: The closed vocabulary; beside it stands the explicit answer "none".
        none: What is taken from the logit of "none" before the softmax: a bare "a ball" fits every ball.
        guard_none: The same for the second judge.
        probability: Least probability of the winning word.
        margin: Its least lead over the runner-up, "none" included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[str, ...] = Field(min_length=2)
    none: float = 0.0
    guard_none: float = 0.0
    probability: float = Field(0.7, ge=0, le=1)
    margin: float = Field(0.3, ge=0, le=1)


class ObjectSize(BaseModel):
    """The usual share of the frame that an object's mask and its box take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mask: float = Field(gt=0, le=1)
    box: float = Field(gt=0, le=1)


class PackSpec(BaseModel):
    """A pack: its roles, the prompts for backgrounds that its models understand, and the attributes that they tell
    apart.

    Attributes:
        worlds: Kinds of sources whose pictures its models were trained on, such as ``tabletop*``; empty for any.
        attributes: Words by group; empty for the vocabulary of published models.
        cpu_seconds_per_evaluation: Seconds of one CPU core per network evaluation of the role ``inpaint``, for time
            estimates; 0 where unknown.
        cpu_seconds_per_pixel_evaluation: The same of the role ``unconditional``, a gradient counting as one more
            evaluation.
        object_sizes: Usual sizes by noun; where there is none, objects are compared with others in the picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str
    roles: dict[str, RoleEntry]
    backgrounds: tuple[str, ...]
    worlds: tuple[str, ...] = ()
    removal_prompt: str = ""
    guidance: float = 3.0
    steps: int = Field(20, ge=1)
    cpu_seconds_per_evaluation: float = Field(0.0, ge=0)
    cpu_seconds_per_pixel_evaluation: float = Field(0.0, ge=0)
    attributes: dict[str, AttributeGroup] = Field(default_factory=dict)
    object_sizes: dict[str, ObjectSize] = Field(default_factory=dict)
    folder: Path = Path()

    @model_validator(mode="after")
    def _check_parts(self) -> PackSpec:
        for role, entry in self.roles.items():
            adapter = self.roles.get(entry.parts.get(LORA_PART, ""))
            if adapter is not None and adapter.cls != LORA_CLASS:
                raise ValueError(f"the part {LORA_PART} of the role {role!r} is of the class {adapter.cls}, no adapter")
            if role in self._within(role):
                raise ValueError(f"the role {role!r} is a part of itself")
        return self

    def _within(self, role: str) -> set[str]:
        """Return the roles that are parts of a role, or of its parts."""
        found, left = set[str](), [role]
        while left:
            entry = self.roles.get(left.pop())
            further = set(entry.parts.values()) - found if entry else set[str]()
            found |= further
            left += further
        return found

    def knows(self, source: str) -> bool:
        """Return whether its models were trained on pictures like those of a kind of source."""
        return not self.worlds or self.draws(source)

    def draws(self, source: str) -> bool:
        """Return whether a kind of source is a world of the pack's own, which its judges know through and through."""
        return any(fnmatch(source, world) for world in self.worlds)

    def check_steps(self, roles: Iterable[str], steps: int, *, where: str) -> None:
        """Make sure that the samplers of roles, of those that the pack has, can run so many steps.

        Raises:
            RequestError: One can't.
        """
        if steps > LCM_STEPS and any(self.roles[role].sampler == "lcm" for role in self.roles.keys() & set(roles)):
            what = (
                f"the sampler lcm of the pack {self.name!r} was trained on {LCM_STEPS} steps, and {steps} are asked for"
            )
            raise RequestError(what, where=where, fix="ask for 4 to 8")

    def entry(self, role: str) -> RoleEntry:
        """Return the entry of ``role``.

        Raises:
            ModelError: The pack has no such role.
        """
        if role not in self.roles:
            raise ModelError(
                f"pack {self.name!r} has no model for the role {role!r}",
                where=f"{self.folder / self.name}.yaml",
                fix=f"choose a pack with that role, or one of its roles: {', '.join(sorted(self.roles))}",
            )
        return self.roles[role]

    def describe(self, role: str) -> str:
        """Return the role with its parts as JSON: equal for two packs exactly when they load the same there.

        Raises:
            ModelError: The pack has no such role.
        """
        entry = self.entry(role)
        parts = {part: self.describe(other) for part, other in entry.parts.items()}
        return json.dumps([role, entry.model_dump(mode="json"), parts], sort_keys=True)


def misspelt(pack: PackSpec) -> list[str]:
    """Return a line for each role that looks like one of ours, but is none, and is part of no other role."""
    parts = {part for entry in pack.roles.values() for part in entry.parts.values()}
    odd = (role for role in pack.roles if role not in parts | ROLES and not role.startswith("classifier"))
    close = {role: get_close_matches(role, ROLES, n=1, cutoff=0.8) for role in odd}
    return [
        f"nothing of editmill reads the role {role!r} of the pack {pack.name!r}; is {names[0]!r} meant?"
        for role, names in close.items()
        if names
    ]


def read_pack(path: Path) -> PackSpec:
    """Read and validate a pack file.

    Raises:
        ModelError: The file is missing or not a valid pack.
    """
    fix = "docs/models.md explains the fields; `editmill models` lists the packs that come along"
    try:
        document = read_yaml(path)
        if not isinstance(document, dict):
            raise YamlProblem("it is not a mapping, that is, lines of KEY: VALUE")
        return PackSpec.model_validate({**document, "folder": path.parent})
    except YamlProblem as error:
        raise ModelError(f"the model pack can't be read: {error}", where=str(path), fix=fix) from error
    except ValidationError as error:
        problems = without_consequences(error.errors())
        lines = [".".join(map(str, problem["loc"])) + f": {say(problem)}" for problem in problems]
        what = "\n  - ".join(("the model pack is not valid:", *lines))
        raise ModelError(what, where=str(path), fix=fix) from error
