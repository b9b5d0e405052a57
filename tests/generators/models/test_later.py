from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from editmill.generators.models.later import import_later


def test_a_module_loads_when_something_of_it_is_first_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("loads_later", "loads_from"):
        (tmp_path / f"{name}.py").write_text("import math\nVALUE = math.pi\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    import_later("loads_later")
    module = importlib.import_module("loads_later")
    assert not hasattr(module, "__warningregistry__")
    assert "VALUE" not in vars(module)
    assert module.math.pi == module.VALUE
    assert sys.modules["loads_later"] is not module
    import_later("loads_later")
    assert "VALUE" in vars(sys.modules["loads_later"])
    import_later("loads_from")
    namespace: dict[str, float] = {}
    exec("from loads_from import VALUE", namespace)
    assert namespace["VALUE"] == module.VALUE
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing
    import_later("nowhere_to_be_found")
    assert "nowhere_to_be_found" not in sys.modules
