"""Print the length of each text that open_clip's own loader reads: MODE and tars, joined by ``::`` as it takes them."""

from __future__ import annotations

import sys
from argparse import Namespace

from open_clip_train.data import get_wds_dataset
from torchvision.transforms.functional import pil_to_tensor

FACTS = {"train_num_samples": None, "val_num_samples": None, "train_data_upsampling_factors": None}


def main(mode: str, groups: list[str]) -> None:
    """Read groups of tars as training or validation sets."""
    for shards in groups:
        asked = Namespace(train_data=shards, val_data=shards, batch_size=1, workers=0, world_size=1, seed=0, **FACTS)
        made = get_wds_dataset(asked, pil_to_tensor, mode == "train", tokenizer=lambda text: [len(text)])
        for _, texts in made.dataloader:
            print(int(texts[0]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
