"""Train one role of the tabletop pack, or all of them.

Data is a pure function of the step, checkpoints are resumed, and a finished role is only saved again.

Example:
    python -m editmill.packs.tabletop.train autoencoder --threads 2
    python -m editmill.packs.tabletop.train inpaint --device cuda
    python -m editmill.packs.tabletop.train all

``all --steps 30`` proves that every role trains, and writes useless weights.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import logging
from pathlib import Path

from editmill.packs.tabletop.training.loop import Run, Task, Trainer

# In the order in which `all` trains them: some start from, or learn from, the weights of earlier ones.
ROLES: dict[str, str] = {
    "autoencoder": "editmill.packs.tabletop.training.autoencoder:AutoencoderTask",
    "vq": "editmill.packs.tabletop.training.vq:VQTask",
    "classifier": "editmill.packs.tabletop.training.classifier:ClassifierTask",
    "classifier_weak": "editmill.packs.tabletop.training.classifier_weak:ClassifierWeakTask",
    "zero_shot": "editmill.packs.tabletop.training.zero_shot:ZeroShotTask",
    "zero_shot_2": "editmill.packs.tabletop.training.zero_shot_2:SiglipTask",
    "image_encoder": "editmill.packs.tabletop.training.image_encoder:ImageEncoderTask",
    "evaluation_encoder": "editmill.packs.tabletop.training.evaluation_encoder:EvaluationEncoderTask",
    "classifier_vit": "editmill.packs.tabletop.training.classifier_vit:ClassifierVitTask",
    "detector": "editmill.packs.tabletop.training.detector:DetectorTask",
    "segmenter": "editmill.packs.tabletop.training.segmenter:SegmenterTask",
    "masked_lm": "editmill.packs.tabletop.training.masked_lm:MaskedLmTask",
    "causal_lm": "editmill.packs.tabletop.training.causal_lm:CausalLmTask",
    "nli": "editmill.packs.tabletop.training.nli:NliTask",
    "unconditional": "editmill.packs.tabletop.training.unconditional:UnconditionalTask",
    "text_to_image": "editmill.packs.tabletop.training.text_to_image:TextToImageTask",
    "inpaint": "editmill.packs.tabletop.training.inpaint:InpaintTask",
    "controlnet": "editmill.packs.tabletop.training.controlnet:ControlNetTask",
    "image_adapter": "editmill.packs.tabletop.training.image_adapter:ImageAdapterTask",
}
WEIGHTS = Path(__file__).parent / "weights"


def make_task(role: str, *, steps: int | None = None, start: Path | None = None) -> Task:
    """Return the training task of ``role`` with its own settings, but for the given ones.

    Raises:
        ValueError: The role can't start from other weights.
    """
    module, name = ROLES[role].split(":")
    task_type = getattr(importlib.import_module(module), name)
    if start and "start" not in inspect.signature(task_type).parameters:
        raise ValueError(f"{role} always starts from nothing: leave --start out")
    given = {"steps": steps, "start": start}
    return task_type(**{name: value for name, value in given.items() if value})


def make_parser() -> argparse.ArgumentParser:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "role", choices=[*ROLES, "all"], metavar="ROLE", help=f"one of {', '.join(ROLES)}, or all of them in this order"
    )
    parser.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the network (default: 2)")
    parser.add_argument("--loaders", type=int, default=1, help="processes that render scenes (default: 1)")
    parser.add_argument("--steps", type=int, help="training steps (default: the role's own)")
    parser.add_argument(
        "--start",
        type=Path,
        help="weights folder to go on from, with the data that follows (default: as the role says)",
    )
    parser.add_argument(
        "--run",
        type=Path,
        help="folder for checkpoint and log (default: runs/tabletop/ROLE); an existing checkpoint is resumed",
    )
    parser.add_argument("--weights", type=Path, help="folder for the finished weights (default: the pack's)")
    parser.add_argument("--export", action="store_true", help="only save the averaged weights of the last checkpoint")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.role == "all" and (options.start or options.run or options.weights):
        parser.error("--start, --run and --weights are for one role")
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
    for role in ROLES if options.role == "all" else [options.role]:
        try:
            task = make_task(role, steps=options.steps, start=options.start)
        except ValueError as error:
            parser.error(str(error))
        # Training that goes on takes the data behind that of the role's own steps.
        own_steps = inspect.signature(type(task)).parameters["steps"].default
        trainer = Trainer(
            task,
            Run(
                folder=options.run or Path("runs/tabletop") / role,
                weights=options.weights or WEIGHTS / role,
                device=options.device,
                threads=options.threads,
                loaders=options.loaders,
                first=own_steps if options.start else 0,
            ),
        )
        if options.export:
            trainer.export()
        else:
            trainer.train()


if __name__ == "__main__":
    main()
