"""The files of docker/ agree with each other, with prefect.yaml and with pyproject.toml."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.templating import find_placeholders

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
USER = "10001"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TEMPLATE: dict[str, Any] = json.loads((DOCKER / "k8s-job-template.json").read_text())
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def deployments(path: Path) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in yaml.safe_load(path.read_text())["deployments"]}


def test_the_containers_deployments_are_those_of_the_checkout() -> None:
    ours, theirs = deployments(DOCKER / "prefect.container.yaml"), deployments(ROOT / "prefect.yaml")
    assert list(ours) == list(theirs)
    for name, entry in ours.items():
        other = theirs[name]
        places = {"entrypoint", "parameters", "work_pool"}
        assert {key: entry[key] for key in entry.keys() - places} == {key: other[key] for key in other.keys() - places}
        given = other.get("parameters", {})
        moved = {folder: f"/data/{given[folder]}" for folder in ("out", "root", "reports") if folder in given}
        assert entry.get("parameters", {}) == {**given, **moved}
        assert entry["work_pool"]["job_variables"] == other["work_pool"]["job_variables"]
        assert load_flow_from_entrypoint(entry["entrypoint"]).name == name


def test_the_services_and_the_deployments_name_one_pool() -> None:
    entries = deployments(DOCKER / "prefect.container.yaml").values()
    assert {entry["work_pool"]["name"] for entry in entries} == {"containers"}
    assert "work-pool create containers" in SERVICES["init"]["command"][-1]
    for name in ("worker", "worker-gpu"):
        assert SERVICES[name]["command"][:5] == ["prefect", "worker", "start", "--pool", "containers"]


def test_images_are_of_this_version_and_none_is_the_latest() -> None:
    images = {service["image"] for service in SERVICES.values()}
    job = TEMPLATE["variables"]["properties"]["image"]["default"]
    targets = set(re.findall(r"^FROM runtime AS (\w+)$", DOCKERFILE, re.MULTILINE))
    assert {image for image in {*images, job} if image.startswith("editmill")} == {
        f"editmill:{VERSION}-{target}" for target in targets
    }
    (base,) = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    for image in {*images, job, base}:
        assert re.search(r":\d+\.\d+", image), f"{image}: name a version"
    assert f'image.version="{VERSION}"' in DOCKERFILE


def test_nothing_runs_as_root_writes_its_root_or_listens_beyond_this_machine() -> None:
    pod = TEMPLATE["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert str(pod["securityContext"]["runAsUser"]) == str(pod["securityContext"]["fsGroup"]) == USER
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == [f"{USER}:{USER}"] * 2
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service.get("read_only") or name == "postgres"
    (volumes,) = re.findall(r"^VOLUME (.+)$", DOCKERFILE, re.MULTILINE)
    mounts = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert {*json.loads(volumes), "/tmp", "/dev/shm"} == mounts
    assert set(json.loads(volumes)) == {entry.split(":")[1] for entry in SERVICES["worker"]["volumes"]}


def test_the_job_template_declares_what_it_uses() -> None:
    used = {placeholder.name for placeholder in find_placeholders(TEMPLATE["job_configuration"])}
    assert used == set(TEMPLATE["variables"]["properties"])


def test_what_is_copied_into_an_image_exists_and_is_sent() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / name).exists() for name in sent)
    linked = {path.resolve().relative_to(ROOT).parts[0] for path in (ROOT / "src/editmill").iterdir()}
    assert linked <= sent
    assert {
        "docker/health.py",
        "docker/install.sh",
        "docker/prefect.container.yaml",
        "constraints.txt",
        "pyproject.toml",
    } <= sent


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if not hadolint:
        pytest.skip("hadolint is not installed; the extra `test` has it")
    done = subprocess.run([hadolint, str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
