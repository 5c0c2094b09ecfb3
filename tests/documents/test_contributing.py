"""The steps that CONTRIBUTING lists are those of `.ci/run`, and nox and the workflows run no others."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from .pages import ROOT, text_of

RUN = ROOT / ".ci" / "run"
STEPS = set(re.findall(r"^step_(\w+)\(\)", text_of(RUN), re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_contributing_lists_every_step_and_its_session() -> None:
    rows = re.findall(
        r"^\| `\.ci/run (\w+)` \| `nox -s (\w+)` \|", text_of(ROOT / "CONTRIBUTING.md"), re.MULTILINE
    )
    assert [step for step, _ in rows] == [session for _, session in rows]
    assert {step for step, _ in rows} == STEPS


def test_nox_has_a_session_for_each_step() -> None:
    listed = re.search(r"for _name in \(([^)]*)\)", text_of(ROOT / "noxfile.py"))
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed[1])) == STEPS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid_and_runs_steps_that_exist(workflow: Path) -> None:
    assert yaml.safe_load(text_of(workflow))["jobs"]
    assert set(re.findall(r"\.ci/run (\w+)", text_of(workflow))) <= STEPS


def test_an_unknown_step_is_refused_before_anything_runs() -> None:
    ended = subprocess.run([RUN, "lint", "nonsense"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "unknown step nonsense" in ended.stderr
