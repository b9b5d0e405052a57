"""The small pictures, masks and tables that bad inputs are made of."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 96, 64
ORIGINAL = ("--set", "generator.edits=[{name: original}]", "--shards", "1")
# A pack without judges: guards that ask models take most of a build's time, and say nothing of how input is read.
BARE = ("--models", "bare.yaml")
BUILD = ("build", "imagenet-e", "--workers", "1", "--device", "cpu", "--out", "out", *BARE, *ORIGINAL)
PLAN = ("plan", "imagenet-e", "--json", *ORIGINAL)
CAPTIONS = ("plan", "xmai", "--json", "--set", "generator.edits=[{name: original}]")
PICTURES = ("plan", "watermark", "--json", "--set", "source.licence=CC0")


def build_from(source: str, *more: str) -> tuple[str, ...]:
    """Return a build of the edit ``original`` from a source of labelled objects, the cheapest that decodes pictures."""
    return (*BUILD, "--source", source, *more)


def plan_from(source: str, *more: str) -> tuple[str, ...]:
    """Return a plan of the same."""
    return (*PLAN, "--source", source, *more)


def captions_from(source: str, *more: str) -> tuple[str, ...]:
    """Return a plan of caption edits."""
    return (*CAPTIONS, "--source", source, *more)


def photo(mode: str = "RGB") -> Image.Image:
    """Draw a red disc on a smooth ground."""
    ground = np.linspace(60, 200, WIDTH * HEIGHT * 3).reshape(HEIGHT, WIDTH, 3).astype(np.uint8)
    image = Image.fromarray(ground)
    ImageDraw.Draw(image).ellipse((30, 16, 62, 48), fill=(200, 40, 60))
    return image if mode == "RGB" else image.convert(mode)


def mask(size: tuple[int, int] = (WIDTH, HEIGHT), value: int = 255) -> Image.Image:
    """Draw the disc's mask."""
    image = Image.new("L", size)
    ImageDraw.Draw(image).ellipse((30, 16, 62, 48), fill=value)
    return image


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Return a picture as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def write(folder: Path, **files: bytes | str) -> None:
    """Write files; ``__`` in a name is a dot."""
    for name, content in files.items():
        put(folder / name.replace("__", "."), content)


def put(path: Path, content: bytes | str) -> None:
    """Write one file, making the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


def bare_pack(folder: Path) -> None:
    """Write ``bare.yaml``, the embedded pack with no role but the one that every build of attribute edits names."""
    from editmill.pipelines.packs import find_pack

    pack = find_pack("tabletop")
    entry = pack.roles["inpaint"].model_dump(mode="json", by_alias=True)
    entry |= {"path": str(pack.folder / entry["path"]), "parts": {}}
    put_json(folder / "bare.yaml", {"name": "bare", "description": "", "roles": {"inpaint": entry}, "backgrounds": []})


def labelled(folder: Path, name: str = "bad.png", data: bytes | None = None, drawn: bytes | None = None) -> None:
    """Write a labels file with a photograph ``good`` and one called ``name``, both with masks."""
    fine, cut = encoded(photo()), encoded(mask())
    bare_pack(folder)
    put(folder / "good.png", fine)
    put(folder / "good-mask.png", cut)
    put(folder / "bad-mask.png", cut if drawn is None else drawn)
    if data is not None:
        put(folder / name, data)
    put(folder / "labels.csv", f"file,mask,label_index\n{name},bad-mask.png,1\ngood.png,good-mask.png,0\n")


def coco(**changes: Any) -> dict[str, Any]:
    """Return an instances file of one photograph ``good.png`` with one object, with top-level fields replaced."""
    box = [30, 16, 62, 16, 62, 48, 30, 48]
    document = {
        "images": [{"id": 1, "file_name": "good.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 7, "name": "ball"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "area": 1024, "iscrowd": 0, "segmentation": [box]}],
    }
    return {**document, **changes}


def put_json(path: Path, document: object) -> None:
    """Write a JSON file."""
    put(path, json.dumps(document))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG file, its checksum included."""
    import zlib

    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, *, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG file of any stated size that holds next to nothing."""
    import zlib

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + png_chunk(b"IEND", b"")
    )
