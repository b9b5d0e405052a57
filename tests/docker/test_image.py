"""The CPU image, built by buildah on a base of Debian's own, and a dataset built in it with a read-only root.

Needs no engine, but root, Debian's packages buildah and debootstrap, and 30 GB of disk: without an index that has
builds of torch for the CPU, pip takes those for CUDA. PIP_EXTRA_INDEX_URL may name one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from editmill.manifests.manifest import read_manifest
from editmill.manifests.verify import verify_dataset

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
IMAGE = "localhost/editmill:test"
SOURCES = 2
Buildah = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("buildah") and shutil.which("debootstrap") and os.getuid() == 0),
        reason="needs root and Debian's packages buildah and debootstrap",
    ),
]

# What `docker run --read-only --tmpfs /tmp --volume …:/data` does: $1 is the container's root, $2 the host's /data.
READ_ONLY = """
set -e
mount --bind "$1" "$1"
mount --options remount,bind,ro "$1"
mount --bind "$2" "$1/data"
mount --types tmpfs tmpfs "$1/tmp"
mount --types tmpfs --options uid=10001,gid=10001 tmpfs "$1/home/editmill"
mount --types proc proc "$1/proc"
mount --rbind /dev "$1/dev"
root="$1"
shift 2
exec chroot --userspec=10001:10001 "$root" /usr/bin/env --chdir=/data --ignore-environment "$@"
"""


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """Buildah with a store of its own, in which Debian with Python is the image ``localhost/base:test``."""
    store = tmp_path_factory.mktemp("store")
    places = ["--root", str(store / "root"), "--runroot", str(store / "run"), "--storage-driver", "vfs"]

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["buildah", *places, *arguments], capture_output=True, text=True, timeout=3600)
        assert done.returncode == 0 or not check, f"buildah {' '.join(arguments)}\n{done.stdout[-3000:]}{done.stderr}"
        return done

    base = store / "base"
    packages = "--include=python3,python3-venv,ca-certificates"
    debootstrap = ["debootstrap", "--variant=minbase", packages, "bookworm", str(base)]
    subprocess.run(debootstrap, check=True, capture_output=True, timeout=1800)
    subprocess.run(["tar", "-C", str(base), "-cf", str(store / "base.tar"), "."], check=True)
    (store / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
    run(
        "build",
        "--isolation",
        "chroot",
        "--file",
        str(store / "Containerfile"),
        "--tag",
        "localhost/base:test",
        str(store),
    )
    yield run
    run("rm", "--all")
    shutil.rmtree(store)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The wheels of docker/README.md: pip finds no index while an image is built."""
    folder = tmp_path_factory.mktemp("wheels")
    aside = shutil.ignore_patterns(".*", "build", "out", "runs", "*.egg-info")
    shutil.copytree(ROOT, folder / "copy", symlinks=True, ignore=aside)
    # The last is for Python before 3.11.3, which the base has and this machine may not.
    wanted = [".[generate,watermark,s3]", "./packs/tabletop", "setuptools>=77", "async-timeout"]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--wheel-dir",
        str(folder),
        "--constraint",
        "constraints.txt",
    ]
    subprocess.run([*pip, *wanted], cwd=folder / "copy", check=True, capture_output=True, timeout=3600)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def container(buildah: Buildah, wheels: Path) -> str:
    """A container of the image."""
    named = ["BASE=localhost/base:test", "PIP_NO_INDEX=1", f"CODE_COMMIT={COMMIT}"]
    arguments = [word for value in named for word in ("--build-arg", value)]
    where = ["--file", str(ROOT / "docker/Dockerfile"), "--target", "cpu", "--build-context", f"wheels={wheels}"]
    buildah("build", "--isolation", "chroot", "--format", "docker", *where, *arguments, "--tag", IMAGE, str(ROOT))
    return buildah("from", "--pull-never", IMAGE).stdout.strip()


def test_a_build_in_the_image_with_a_read_only_root(buildah: Buildah, container: str, tmp_path: Path) -> None:
    config: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.revision"] == COMMIT

    def run(*command: str) -> str:
        words = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", root, str(data), *config["Env"], *command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    root = buildah("mount", container).stdout.strip()
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 10001, 10001)
    assert run("id", "--user").strip() == "10001"
    assert "No broken requirements" in run("python", "-m", "pip", "check")
    size = ["--set", f"source.count={SOURCES}", "--set", "source.least_radius=0.14", "--shards", "1"]
    run("editmill", "build", "imagenet-e", *size, "--device", "cpu", "--out", "/data/out")
    # Everybody's folder, which only the read-only root protects.
    run("sh", "-c", "! touch /var/tmp/x")

    report = verify_dataset(data / "out")
    assert report.ok, report.problems
    assert read_manifest(data / "out").code_commit == COMMIT
    assert {path.stat().st_uid for path in (data / "out").rglob("*")} == {10001}


def test_the_health_check_tells_a_folder_that_can_be_written_from_one_that_cannot(
    buildah: Buildah, container: str, tmp_path: Path
) -> None:
    config = json.loads(buildah("inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    kind, *command = config["Healthcheck"]["Test"]
    assert kind == "CMD"

    def check(folder: Path) -> int:
        run = ["run", "--isolation", "chroot", "--volume", f"{folder}:/data", container, "--", *command]
        return buildah(*run, check=False).returncode

    for name, owner in (("ours", 10001), ("theirs", 0)):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, owner, owner)
    assert check(tmp_path / "ours") == 0
    assert check(tmp_path / "theirs") != 0
