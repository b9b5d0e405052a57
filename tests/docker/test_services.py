"""The services of compose.yaml as plain processes on this machine: the same commands, environment and health checks.

Only what containers bring is exchanged: names of hosts, ports, and the places of files.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from editmill.manifests.verify import verify_dataset
from tests.docker.test_files import DOCKER, SERVICES
from tests.flows.tiny import tiny_arguments

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
PASSWORD = "5ec2e7"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.prefect,
    pytest.mark.skipif(
        POSTGRES is None or os.getuid() != 0, reason="Debian's postgresql and root, who becomes its user"
    ),
]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Services:
    """Runs commands of compose.yaml in a folder of their own, and ends what still runs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.password = folder / "database-password"
        self.password.write_text(PASSWORD)
        self.database, pages, worker = free_port(), free_port(), free_port()
        self.exchanged = {
            "$$": "$",
            "/run/secrets/database-password": str(self.password),
            "/tmp/prefect-pages": str(folder / "pages"),
            "/opt/editmill": str(DOCKER),
            "postgres:5432": f"127.0.0.1:{self.database}",
            "server:4200": f"127.0.0.1:{pages}",
            "127.0.0.1:4200": f"127.0.0.1:{pages}",
            "0.0.0.0 --port 4200": f"127.0.0.1 --port {pages}",
            "127.0.0.1:8080": f"127.0.0.1:{worker}",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.environment = {
            **kept,
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{POSTGRES}:{os.environ['PATH']}",
            "PGPORT": self.database,
            "PGPASSWORD": PASSWORD,
            "PREFECT_WORKER_WEBSERVER_PORT": worker,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }

    def exchange(self, text: str) -> str:
        for ours, theirs in self.exchanged.items():
            text = text.replace(ours, theirs)
        return text

    def environment_of(self, name: str) -> dict[str, str]:
        given = SERVICES[name].get("environment", {})
        return {**self.environment, **{key: self.exchange(value) for key, value in given.items()}}

    def start(self, name: str, command: list[str] | None = None, user: str | None = None) -> subprocess.Popen[bytes]:
        """Start a service and wait until its own health check says that it is healthy."""
        command = command or [self.exchange(word) for word in SERVICES[name]["command"]]
        log = self.stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = self.stack.enter_context(
            subprocess.Popen(command, cwd=self.folder, env=self.environment_of(name), stdout=log, stderr=log, user=user)
        )
        self.stack.callback(process.terminate)
        deadline = time.monotonic() + 180
        while self.check(name) != 0:
            assert process.poll() is None, (self.folder / f"{name}.log").read_text()
            assert time.monotonic() < deadline, f"{name} is not healthy"
            time.sleep(1)
        return process

    def check(self, name: str) -> int:
        words = [self.exchange(word) for word in SERVICES[name]["healthcheck"]["test"]]
        assert words[0] == "CMD"
        return subprocess.run(words[1:], env=self.environment_of(name), capture_output=True, check=False).returncode

    def run(self, name: str, *command: str) -> str:
        """Run a command in a service's environment to its end: its own, or another as with ``compose exec``."""
        words = list(command) or [self.exchange(word) for word in SERVICES[name]["command"]]
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment_of(name), capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def services() -> Iterator[Services]:
    """A database of PostgreSQL's own user in a folder that it can reach."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        found = Services(folder, stack)
        data = folder / "database"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        options = ["--username=prefect", f"--pwfile={found.password}", "--auth=scram-sha-256"]
        initdb = [f"{POSTGRES}/initdb", f"--pgdata={data}", *options]
        subprocess.run(initdb, cwd=folder, user="postgres", check=True, capture_output=True)
        server = [f"{POSTGRES}/postgres", "-D", str(data), "-k", str(data), "-h", "127.0.0.1"]
        found.start("postgres", server, user="postgres")
        found.run("postgres", "createdb", "--host=127.0.0.1", "--username=prefect", "prefect")
        yield found


def test_server_init_and_worker_run_a_deployment(services: Services, tmp_path: Path) -> None:
    services.start("server")
    services.run("init")
    worker = services.start("worker")
    name = "build-imagenet-e/build-imagenet-e"
    services.run("worker", "prefect", "deployment", "run", name, *tiny_arguments(tmp_path / "out"), "--watch")
    report = verify_dataset(tmp_path / "out")
    assert report.ok, report.problems

    query = ["--host=127.0.0.1", "--username=prefect", "--tuples-only", "--command=SELECT state_name FROM flow_run"]
    assert services.run("postgres", "psql", *query).split() == ["Completed"]
    worker.terminate()
    assert SERVICES["worker"]["stop_grace_period"] == "1m"
    worker.wait(60)
    assert services.check("worker") != 0, "the check has to fail where nothing answers"
