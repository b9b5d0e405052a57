"""Croissant 1.1 metadata (croissant.json), a function of the manifest and the merged rows."""

from __future__ import annotations

from typing import Any

from editmill.manifests.indexes import listed_shards
from editmill.manifests.records import PRIMARY_IMAGES, FileRecord, Manifest

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"

# Applied repeatedly by mlcroissant, so it must map a key to itself.
_KEY_REGEX = r"^([^.]+)(?:\..*)?$"
_SPDX_NAMES = (
    "Apache-2.0 MIT BSD-2-Clause BSD-3-Clause CC0-1.0 CC-BY-2.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-2.0 CC-BY-SA-3.0 "
    "CC-BY-SA-4.0 CC-BY-NC-2.0 CC-BY-NC-4.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-NC-ND-4.0 GPL-3.0-only PDDL-1.0 "
    "ODbL-1.0 ODC-By-1.0 CDLA-Permissive-2.0"
)
_SPDX = {name.lower(): name for name in _SPDX_NAMES.split(" ")}
UNKNOWN = "unknown"
_MIME = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg", "txt": "text/plain"}
_COLUMNS = {
    "split": "sc:Text",
    "source_id": "sc:Text",
    "label": "sc:Integer",
    "class_name": "sc:Text",
    "edit": "sc:Text",
    "level": "sc:Float",
    "seed": "sc:Integer",
    "inputs": "sc:Text",
}
_CONTEXT_TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format "
    "includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
    "samplingRate separator source subField transform"
)


def croissant_metadata(manifest: Manifest, samples: FileRecord) -> dict[str, Any]:
    """Describe a dataset: its files with digests, and one record per accepted sample joining image and row.

    Args:
        manifest: The dataset's manifest.
        samples: The merged rows, ``samples.parquet``.

    Returns:
        JSON-LD. ``datePublished`` is the recipe's, and absent where it has none: equal builds give equal files.
    """
    tars = [shard for shards in listed_shards(manifest).values() for shard in shards]
    # A dataset of captions may name its images and hold none.
    primary = next((member for member in PRIMARY_IMAGES if member in manifest.members), "txt")
    files = "texts" if primary == "txt" else "images"
    licence = manifest.sources.licence or UNKNOWN
    # No time of building: only what the recipe says can be the same in equal builds.
    published = manifest.recipe.get("published")
    return {
        "@context": _context(),
        "@type": "sc:Dataset",
        "dct:conformsTo": CONFORMS_TO,
        "name": manifest.name,
        "description": f"{manifest.samples} generated samples ({', '.join(manifest.edits)}) by {manifest.generator}.",
        "license": f"https://spdx.org/licenses/{_SPDX[licence.lower()]}" if licence.lower() in _SPDX else licence,
        "citeAs": _citation(manifest),
        # Croissant requires an address, and a build does not know where it will be published.
        "url": f"urn:editmill:{manifest.name}:{manifest.version}:{manifest.fingerprint}",
        "version": manifest.version,
        **({"datePublished": published} if published else {}),
        "creator": {"@type": "sc:Organization", "name": "editmill"},
        "prov:wasDerivedFrom": {
            "@type": "prov:Entity",
            "prov:label": manifest.sources.name,
            "sc:license": licence,
            "sc:identifier": f"sha256:{manifest.sources.digest}",
        },
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": f"{manifest.generator}, recipe {manifest.fingerprint}",
            "prov:used": [f"{model.id}@{model.revision}" if model.revision else model.id for model in manifest.models],
        },
        "distribution": [
            _file_object("samples.parquet", samples, "application/x-parquet"),
            *[_file_object(shard.path, shard, "application/x-tar") for shard in tars],
            {
                "@type": "cr:FileSet",
                "@id": files,
                "containedIn": [{"@id": shard.path} for shard in tars],
                "encodingFormat": _MIME[primary],
                # Keys end in a digit and no other image's or text's suffix does, so this finds primary ones alone.
                "includes": f"*[0-9].{primary}",
            },
        ],
        "recordSet": [_record_set(files)],
    }


def _context() -> dict[str, Any]:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "prov": "http://www.w3.org/ns/prov#",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "description": {"@container": "@language"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "name": {"@container": "@language"},
        **{term: f"cr:{term}" for term in _CONTEXT_TERMS.split()},
    }


def _citation(manifest: Manifest) -> str:
    """Return a BibTeX entry."""
    how = f"generated by editmill {manifest.code_version} from {manifest.sources.name}, {manifest.fingerprint[:16]}"
    return f"@misc{{{manifest.name}, title = {{{manifest.name} {manifest.version}}}, howpublished = {{{how}}}}}"


def content_address(record: FileRecord) -> str:
    """Return a file's path, relative to the root, in a form that 32 bits of its digest choose.

    mlcroissant keeps what it unpacked under the digest of this text alone, whatever the file holds, so that of two
    datasets with equal names the second one would get pictures of the first. ``./`` for a 0 and ``../FOLDER/`` for a 1
    lead back to the same folder, on disks as in URLs.
    """
    folder, _, name = record.path.rpartition("/")
    if not folder:
        return record.path
    bits = f"{int(record.sha256[:8], 16):032b}"
    return f"{folder}/" + "".join(f"../{folder}/" if bit == "1" else "./" for bit in bits) + name


def _file_object(identifier: str, record: FileRecord, mime: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": identifier,
        "name": identifier,
        "contentUrl": content_address(record),
        "contentSize": f"{record.bytes} B",
        "encodingFormat": mime,
        "sha256": record.sha256,
    }


def _record_set(files: str) -> dict[str, Any]:
    parquet = {"@id": "samples.parquet"}
    key = _field("key", "sc:Text", {"fileSet": {"@id": files}, "extract": {"fileProperty": "filename"}})
    key["source"]["transform"] = {"regex": _KEY_REGEX}
    key["references"] = {"fileObject": parquet, "extract": {"column": "key"}}
    name, kind = ("image", "sc:ImageObject") if files == "images" else ("text", "sc:Text")
    content = _field(name, kind, {"fileSet": {"@id": files}, "extract": {"fileProperty": "content"}})
    columns = [
        _field(name, kind, {"fileObject": parquet, "extract": {"column": name}}) for name, kind in _COLUMNS.items()
    ]
    return {"@type": "cr:RecordSet", "@id": "samples", "name": "samples", "field": [key, content, *columns]}


def _field(name: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"samples/{name}", "name": name, "dataType": kind, "source": source}
