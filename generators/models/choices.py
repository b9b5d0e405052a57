"""What a placement may be, for commands and flows alike; importing it loads no library of models."""

from __future__ import annotations

from typing import Literal

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Offload = Literal["none", "model"]
