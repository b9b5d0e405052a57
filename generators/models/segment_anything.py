"""Loading of ``segment_anything.Sam``: small models by their own configuration, and the published checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from segment_anything import sam_model_registry
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor

from editmill.generators.models.fixed_batches import fitting_rows
from editmill.generators.models.networks import one_file, read_tensors
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.weights import WHOLE, Choice

# The published models differ in the width of the image encoder.
PUBLISHED = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}


@dataclass(frozen=True)
class SamConfig:
    """Arguments of the parts of a Sam (Kirillov et al., arXiv 2304.02643); pixel statistics are RGB in 0 to 255."""

    img_size: int
    patch_size: int
    embed_dim: int
    depth: int
    num_heads: int
    out_chans: int
    window_size: int = 0
    global_attn_indexes: tuple[int, ...] = ()
    use_rel_pos: bool = False
    mask_in_chans: int = 16
    num_multimask_outputs: int = 3
    decoder_depth: int = 2
    decoder_heads: int = 4
    decoder_mlp: int = 256
    iou_head_depth: int = 3
    iou_head_hidden: int = 128
    pixel_mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    pixel_std: tuple[float, float, float] = (127.5, 127.5, 127.5)


@dataclass(frozen=True)
class Embedded:
    """A picture as a Sam's encoder sees it: features float [1, c, h, w], and (height, width) of input and picture."""

    features: torch.Tensor
    input_size: tuple[int, ...]
    original_size: tuple[int, ...]


@dataclass(frozen=True)
class Prompt:
    """What is asked about a picture, in its pixels (x, y): a box float32 [4], or points float32 [k, 2] with labels [k]
    of 0 and 1.
    """

    box: Feature | None = None
    points: Feature | None = None
    labels: Feature | None = None


class BatchedSam:
    """Embeds several pictures, and answers prompts about several, in one pass of ``batch``, always filled up."""

    def __init__(self, model: Sam, batch: int) -> None:
        self.model, self.batch = model, batch
        self.transform = ResizeLongestSide(model.image_encoder.img_size)

    @torch.no_grad()
    def embed(self, images: Sequence[Picture]) -> list[Embedded]:
        """Embed pictures, uint8 [H, W, 3] RGB of any sizes: most of the work, which all prompts to one share."""
        inputs = [torch.as_tensor(self.transform.apply_image(image), device=self.model.device) for image in images]
        pixels = torch.cat([self.model.preprocess(one.permute(2, 0, 1).contiguous()[None]) for one in inputs])
        (features,) = fitting_rows(lambda rows: (self.model.image_encoder(rows),), self.batch, pixels)
        return [
            Embedded(feature[None], tuple(one.shape[:2]), image.shape[:2])
            for feature, one, image in zip(features, inputs, images, strict=True)
        ]

    @torch.no_grad()
    def answer(self, asked: Sequence[tuple[Embedded, Prompt]], *, several: bool) -> list[tuple[Mask, Feature]]:
        """Return bool masks [n, H, W] and their predicted IoU for boxes, or for equally many points each: three masks
        of each prompt where ``several`` are wanted, else one.
        """
        features = torch.cat([one.features for one, _ in asked])
        places = [torch.stack(rows) for rows in zip(*(self._placed(*pair) for pair in asked), strict=True)]
        masks, predicted = fitting_rows(partial(self._decode, several), self.batch, features, *places)
        found = []
        for (one, _), mask, own in zip(asked, masks, predicted, strict=True):
            logits = self.model.postprocess_masks(mask[None], one.input_size, one.original_size)[0]
            found.append(((logits > self.model.mask_threshold).cpu().numpy(), own.cpu().numpy()))
        return found

    def _placed(self, one: Embedded, prompt: Prompt) -> list[Tensor]:
        """Return a box [4], or points [k, 2] and labels [k], in the encoder's input."""
        device = self.model.device
        if prompt.box is not None:
            box = self.transform.apply_boxes(prompt.box, one.original_size)[0]
            return [torch.as_tensor(box, dtype=torch.float, device=device)]
        points = self.transform.apply_coords(prompt.points, one.original_size)
        return [
            torch.as_tensor(points, dtype=torch.float, device=device),
            torch.as_tensor(prompt.labels, dtype=torch.int, device=device),
        ]

    def _decode(self, several: bool, features: Tensor, *places: Tensor) -> tuple[Tensor, Tensor]:
        """Return low resolution logits [n, masks, h, w] and predicted IoU [n, masks]."""
        boxes, points = (places[0], None) if len(places) == 1 else (None, places)
        sparse, dense = self.model.prompt_encoder(points=points, boxes=boxes, masks=None)
        masks, predicted = self.model.mask_decoder(
            # It repeats one picture for all prompts, to which it adds the dense ones: so each brings its own.
            image_embeddings=torch.zeros_like(features[:1]),
            image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=features + dense,
            multimask_output=several,
        )
        return masks, predicted


def build_sam(config: SamConfig) -> Sam:
    """Return a Sam with new weights."""
    side = config.img_size // config.patch_size
    encoder = ImageEncoderViT(
        img_size=config.img_size,
        patch_size=config.patch_size,
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
        out_chans=config.out_chans,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=config.use_rel_pos,
        window_size=config.window_size,
        global_attn_indexes=config.global_attn_indexes,
    )
    prompts = PromptEncoder(
        embed_dim=config.out_chans,
        image_embedding_size=(side, side),
        input_image_size=(config.img_size,) * 2,
        mask_in_chans=config.mask_in_chans,
    )
    decoder = MaskDecoder(
        num_multimask_outputs=config.num_multimask_outputs,
        transformer_dim=config.out_chans,
        transformer=TwoWayTransformer(
            depth=config.decoder_depth,
            embedding_dim=config.out_chans,
            mlp_dim=config.decoder_mlp,
            num_heads=config.decoder_heads,
        ),
        iou_head_depth=config.iou_head_depth,
        iou_head_hidden_dim=config.iou_head_hidden,
    )
    return Sam(encoder, prompts, decoder, list(config.pixel_mean), list(config.pixel_std))


def load_sam(folder: Path, choice: Choice = WHOLE, *, dtype: torch.dtype = torch.float32) -> Sam:
    """Load a Sam from a folder with ``config.json`` (fields of ``SamConfig``) and ``model.safetensors``, or with one
    published checkpoint.

    Only the image encoder computes in ``dtype``: the package's prompt encoder needs float32.

    Raises:
        ValueError: The configuration is another one, or the checkpoint lacks weights, holds other ones or fits no
            published model.
        OSError: A file is missing or damaged.
    """
    sam, state = (
        _small(folder)
        if (folder / "config.json").exists() and not choice.file
        else _published(one_file(folder, choice))
    )
    # In float32, in which everything but the image encoder computes.
    report = sam.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
    missing, unknown = sorted(report.missing_keys), sorted(report.unexpected_keys)
    if missing or unknown:
        raise ValueError(
            f"{len(missing)} weights are missing and {len(unknown)} are unknown, the first is {(missing + unknown)[0]}"
        )
    if dtype != torch.float32:
        _compute_in(sam.image_encoder, dtype)
    return sam


def _small(folder: Path) -> tuple[Sam, dict[str, torch.Tensor]]:
    document = json.loads((folder / "config.json").read_text())
    unknown = sorted(set(document) - {field.name for field in fields(SamConfig)})
    if unknown:
        raise ValueError(
            f"config.json is not a configuration of this loader: unknown field {unknown[0]!r}; converted models are "
            "transformers.SamModel"
        )
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    return build_sam(SamConfig(**arguments)), load_file(folder / "model.safetensors")


def _published(path: Path) -> tuple[Sam, dict[str, torch.Tensor]]:
    state = read_tensors(path)
    embedding = state.get("image_encoder.patch_embed.proj.weight")
    kind = PUBLISHED.get(len(embedding)) if embedding is not None else None
    if kind is None:
        raise ValueError(
            f"{path.name} is not a checkpoint of {', '.join(PUBLISHED.values())}: no image encoder of a known width"
        )
    return sam_model_registry[kind](), state


def _compute_in(module: torch.nn.Module, dtype: torch.dtype) -> None:
    def lower(_: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(value.to(dtype) for value in inputs)

    def restore(_module: torch.nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        return output.float()

    module.to(dtype)
    module.register_forward_pre_hook(lower)
    module.register_forward_hook(restore)
