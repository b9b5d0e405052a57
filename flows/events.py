"""Telling others that a dataset is complete: by an event of Prefect, and by a webhook."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
from prefect.events import emit_event

from editmill.manifests.errors import RequestError
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.records import Manifest
from editmill.manifests.store import Store
from editmill.manifests.urls import absolute, spelled

COMPLETE = "editmill.dataset.complete"
TIMEOUT = 30.0


def announce(manifest: Manifest, folder: Path, *, webhook: str = "") -> dict[str, Any]:
    """Emit the event that a dataset is complete, and post the same facts to a webhook where one is named.

    Raises:
        RequestError: The webhook does not take them.
    """
    facts = {
        "name": manifest.name,
        "version": manifest.version,
        "fingerprint": manifest.fingerprint,
        "folder": spelled(absolute(folder)),
        "manifest_sha256": hashlib.sha256(Store(folder).read(MANIFEST)).hexdigest(),
        "shards": len(manifest.shards),
        "samples": manifest.samples,
    }
    resource = {"prefect.resource.id": f"editmill.dataset.{manifest.name}", "prefect.resource.name": manifest.name}
    emit_event(COMPLETE, resource=resource, payload=facts)
    if webhook:
        try:
            httpx.post(webhook, json={"event": COMPLETE, **facts}, timeout=TIMEOUT).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RequestError(f"the webhook does not take the event: {error}", where=webhook, fix="mend it") from error
    return facts
