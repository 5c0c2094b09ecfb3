"""The examples for Kubernetes and systemd: they are valid, and their command lines run."""

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from refold_async.fleet.folder import JobFolder
from refold_async.sandbox import Sandbox, SandboxThread

from .contacts import EXAMPLES, SHARDS, check_contacts, contacts_environment

INDEXED_JOB = EXAMPLES / "kubernetes" / "job.yaml"
UNIT = EXAMPLES / "systemd" / "refold-job@.service"
REFOLD = Path(sys.executable).with_name("refold")


def _here(sandbox: Sandbox, folder: Path, **more: str) -> Mapping[str, str]:
    paths = {
        "JOB_JOURNAL": str(folder / "contacts-job"),
        "JOB_RESULTS": str(folder / "contacts-out"),
        "PATH": f"{REFOLD.parent}{os.pathsep}{os.environ['PATH']}",
    }
    return contacts_environment(sandbox, **paths, **more)


def _pod() -> tuple[dict[str, Any], dict[str, Any]]:
    spec = yaml.safe_load(INDEXED_JOB.read_text(encoding="utf-8"))["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    return spec, container


def test_the_indexed_job_has_a_pod_for_each_shard() -> None:
    spec, container = _pod()
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", SHARDS)
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert values["JOB_WORKERS"] == str(spec["parallelism"])
    assert values["REFOLD_API_KEY"] is None, "a key is a secret"
    assert values["PGPASSWORD"] is None
    assert {"JOB_JOURNAL", "JOB_RESULTS"} <= set(values)
    assert {each["name"] for each in container["volumeMounts"]} == {"results"}


def test_the_command_of_a_pod_runs_its_shard(tmp_path: Path) -> None:
    _, container = _pod()
    with SandboxThread(Sandbox(accounts=100)) as sandbox:
        environment = _here(sandbox, tmp_path, JOB_COMPLETION_INDEX="3")
        ended = subprocess.run(
            container["command"], cwd=EXAMPLES, env=environment, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr
    states = [shard.state for shard in JobFolder(tmp_path / "contacts-job").progress(SHARDS)]
    assert states == ["ended" if shard == 3 else "waiting" for shard in range(SHARDS)]


def test_the_command_of_the_unit_runs_the_job(tmp_path: Path) -> None:
    command = shlex.split(_unit()["Service"]["ExecStart"].replace("%i", "contacts_job"))
    assert Path(command[0]).name == "refold"
    with SandboxThread(Sandbox(accounts=100)) as sandbox:
        environment = _here(sandbox, tmp_path)
        ended = subprocess.run(
            [str(REFOLD), *command[1:]],
            cwd=EXAMPLES,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        check_contacts(sandbox, tmp_path)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    installed = UNIT.read_text(encoding="utf-8").replace("/srv/refold/.venv/bin/refold", str(REFOLD))
    unit = tmp_path / "refold-job@contacts_job.service"
    unit.write_text(installed.replace("/srv/refold", str(EXAMPLES)), encoding="utf-8")
    ended = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "refold-job" not in ended.stderr, ended.stderr


def _unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser
