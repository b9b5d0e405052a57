"""Train one role of the tabletop pack.

Example:
    python -m packs.tabletop.train autoencoder --threads 2
    python -m packs.tabletop.train inpaint --device cuda
"""

from __future__ import annotations

import argparse
import importlib
import logging
from pathlib import Path

from packs.tabletop.training.loop import Run, Trainer

ROLES: dict[str, str] = {
    "autoencoder": "packs.tabletop.training.autoencoder:AutoencoderTask",
    "inpaint": "packs.tabletop.training.inpaint:InpaintTask",
    "zero_shot": "packs.tabletop.training.zero_shot:ZeroShotTask",
    "classifier": "packs.tabletop.training.classifier:ClassifierTask",
}
PACK = Path(__file__).parent


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the network (default: 2)")
    parser.add_argument("--loaders", type=int, default=1, help="processes that render scenes (default: 1)")
    parser.add_argument("--steps", type=int, help="training steps (default: the role's own)")
    parser.add_argument("--run", type=Path, help="folder for checkpoint and log (default: runs/tabletop/ROLE); an existing checkpoint is resumed")
    parser.add_argument("--weights", type=Path, help="folder for the finished weights (default: the pack's)")
    parser.add_argument("--export", action="store_true", help="only save the averaged weights of the last checkpoint")
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
    module, name = ROLES[options.role].split(":")
    task_type = getattr(importlib.import_module(module), name)
    task = task_type(**({"steps": options.steps} if options.steps else {}))
    run = Run(
        folder=options.run or Path("runs/tabletop") / options.role, weights=options.weights or PACK / "weights" / options.role,
        device=options.device, threads=options.threads, loaders=options.loaders,
    )
    trainer = Trainer(task, run)
    if options.export:
        trainer.export()
    else:
        trainer.train()


if __name__ == "__main__":
    main()
