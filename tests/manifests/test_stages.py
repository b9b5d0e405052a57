"""Time by stage."""

from __future__ import annotations

import threading
import time

from editmill.manifests.stages import stage, take_seconds


@stage("networks")
def network(seconds: float) -> None:
    time.sleep(seconds)


def test_the_outer_stage_counts_and_threads_add_up() -> None:
    take_seconds()
    with stage("guards"):
        network(0.02)
    assert take_seconds().keys() == {"guards"}, "networks that guards ask are time of guards"
    with stage("guards"):
        network(0.02)
    network(0.01)
    threads = [threading.Thread(target=network, args=(0.02,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = take_seconds()
    assert taken.keys() == {"guards", "networks"}
    assert 0.02 <= taken["guards"] < 0.05 <= taken["networks"]
    assert take_seconds() == {}
