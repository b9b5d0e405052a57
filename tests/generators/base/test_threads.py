"""Threads that end with the block that asked for them."""

from __future__ import annotations

import threading
from contextlib import suppress

from editmill.generators.base.threads import threads


def test_what_waits_is_dropped_where_the_block_ends_early() -> None:
    dropped, ran = threading.Event(), list[int]()
    with suppress(RuntimeError), threads(1) as pool:
        pool.submit(dropped.wait, 1)
        pool.submit(ran.append, 1).add_done_callback(lambda _: dropped.set())
        raise RuntimeError
    assert not ran
