"""Pages in a real browser: what axe-core finds wrong with them, and pictures of them to look at.

    pip install axe-playwright-python websocket-client      # axe.min.js comes along with the first
    python -m tests.browser page.html [--shots DIR]          # exit 1 for a serious finding or a page that is too wide

It drives Chromium or Chrome, which has to be on the machine, through its debugging port, at the widths of a phone and
of a laptop, light and dark.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WIDTHS = {"phone": 390, "laptop": 1280}
SERIOUS = ("serious", "critical")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


def missing() -> str:
    """Return what is not installed, "" where nothing is missing."""
    packages = [name for name in ("axe_playwright_python", "websocket") if find_spec(name) is None]
    return ", ".join([*packages, *([] if CHROMIUM else ["chromium"])])


class Tab:
    """A tab of the browser, spoken to in the DevTools protocol."""

    def __init__(self, address: str) -> None:
        import websocket

        self._socket = websocket.create_connection(address, suppress_origin=True, timeout=120)
        self._number = 0

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            found = json.loads(self._socket.recv())
            if found.get("id") == self._number:
                assert "error" not in found, found
                result: dict[str, Any] = found["result"]
                return result

    def run(self, code: str) -> Any:
        """Return the value of an expression, awaited."""
        found = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def show(self, page: Path, width: int, scheme: str) -> None:
        """Load a page at a width, in the colours for light or dark screens."""
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=media)
        self.call("Page.navigate", url=page.resolve().as_uri())
        for _ in range(200):
            time.sleep(0.05)
            if self.run("location.protocol == 'file:' && document.readyState == 'complete'"):
                return
        raise AssertionError(f"{page} does not load")

    def shot(self, path: Path, *, whole: bool = True) -> None:
        """Write a picture of the page, or of its window."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser() -> Iterator[Tab]:
    """Start Chromium without a window, and yield a tab."""
    # Its helpers may still write while the folder goes.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = Path(folder) / "DevToolsActivePort"
            for _ in range(600):
                if port.exists() and len(port.read_text().splitlines()) == 2:
                    break
                time.sleep(0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port.read_text().split()[0]}/json/list") as answer:
                tabs = json.load(answer)
            tab = Tab(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
            try:
                yield tab
            finally:
                tab.close()
        finally:
            process.terminate()
            process.wait()


def findings(tab: Tab) -> list[str]:
    """Return what is seriously wrong with the page that a tab shows."""
    import axe_playwright_python

    axe = Path(str(axe_playwright_python.__file__)).with_name("axe.min.js").read_text()
    tab.call("Runtime.evaluate", expression=axe)
    found = json.loads(tab.run("axe.run().then(found => JSON.stringify(found.violations))"))
    lines = [
        f"{one['impact']}: {one['id']}: {one['help']}: {len(one['nodes'])} places, {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in SERIOUS
    ]
    wide = tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*lines, *([f"the page is {wide} pixels too wide"] if wide > 0 else [])]


def main() -> int:
    """Check pages; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--shots", type=Path)
    options = parser.parse_args()
    wrong = 0
    with browser() as tab:
        for page in options.pages:
            for name, width in WIDTHS.items():
                for scheme in ("light", "dark"):
                    tab.show(page, width, scheme)
                    if options.shots:
                        options.shots.mkdir(parents=True, exist_ok=True)
                        tab.shot(options.shots / f"{page.stem}-{name}-{scheme}.png")
                    found = findings(tab)
                    wrong += len(found)
                    print(
                        f"{page.name}, {name}, {scheme}: {'nothing serious' if not found else ''}", *found, sep="\n  "
                    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
