"""The documentation's commands and scripts, and a folder in which they can be run as written."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"(?:#!/bin/bash\n)?# (\w+\.(?:py|sh))\n")

_SBATCH = """\
#!{python}
import os, re, subprocess, sys

*options, script = sys.argv[1:]
text = open(script).read()
given = " ".join([*re.findall(r"^#SBATCH (.*)", text, re.MULTILINE), *options])
arrays = re.findall(r"--array=([\\d,-]+)", given)
tasks = []
for part in arrays[-1].split(",") if arrays else []:
    first, _, last = part.partition("-")
    tasks += range(int(first), int(last or first) + 1)
environments = [os.environ | {{"SLURM_ARRAY_TASK_ID": str(task)}} for task in tasks] or [os.environ]
waits = arrays or "--wait" in given
output = {{}} if waits else dict.fromkeys(("stdout", "stderr"), open("slurm.out", "a"))
jobs = [
    subprocess.Popen(["bash", script], env=environment, start_new_session=True, **output)
    for environment in environments
]
print("Submitted batch job", jobs[0].pid)
if waits:
    codes = [job.wait() for job in jobs]
    for job in jobs:
        subprocess.run(["pkill", "-KILL", "-s", str(job.pid)])
    sys.exit(max(codes))
"""
"""In the place of SLURM's: runs all tasks at once, and ends what they leave."""

_PYTHON = '#!/bin/bash\nexec {} "$@"\n'
_SRUN = '#!/bin/bash\nexec "$@"\n'
_SCANCEL = "#!/bin/bash\nfor job; do pkill -KILL -s $job; done\ntrue\n"
_HOSTNAME = "#!/bin/bash\necho 127.0.0.1\n"


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of all blocks of code of a page."""
    return _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def file_name(text: str) -> str | None:
    """Return the name that a block gives itself in its first lines."""
    match = _FILE_NAME.match(text)
    return match[1] if match else None


@dataclass
class Desk:
    """A folder with the commands that the documentation counts on."""

    folder: Path
    replaced: dict[str, str] = field(default_factory=dict)
    """What is written otherwise: the address of a machine that is not there."""
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        commands = self.folder / "bin"
        commands.mkdir()
        places = {"pyama": "pyama_core.cli", "dask": "dask"}
        for name, module in places.items():
            _write_command(commands / name, _PYTHON.format(f"{sys.executable} -m {module}"))
        _write_command(commands / "python", _PYTHON.format(sys.executable))
        _write_command(commands / "sbatch", _SBATCH.format(python=sys.executable))
        for name, script in (("srun", _SRUN), ("scancel", _SCANCEL), ("hostname", _HOSTNAME)):
            _write_command(commands / name, script)

    def follow(self, page: str, anew: Collection[str] = ()) -> str:
        """Write the files and run the commands of a page in their order; return what they print.

        Results are removed before commands that are in `anew`.
        """
        printed = []
        for language, text in blocks(page):
            if name := file_name(text):
                (self.folder / name).write_text(self._adapted(text))
            elif language == "yaml":
                (self.folder / f"{text.partition(':')[0]}.yaml").write_text(text)
            elif language == "bash":
                if text.strip() in anew:
                    shutil.rmtree(self.folder / "out")
                printed.append(self.run(text))
        return "".join(printed)

    def run(self, commands: str) -> str:
        """Run commands as a shell does; those of a scheduler or a worker stay at work."""
        process = subprocess.Popen(
            ["bash", "-e", "-c", self._adapted(commands)],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if commands.startswith(("dask scheduler", "dask worker")):
            self.background.append(process)
            return ""
        printed, _ = process.communicate(timeout=240)
        assert process.returncode == 0, f"{commands}\n{printed}"
        return printed

    def environment(self) -> dict[str, str]:
        """Return the environment of the commands."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PATH": path, "OPENBLAS_NUM_THREADS": "1"}

    def _adapted(self, text: str) -> str:
        for written, meant in self.replaced.items():
            text = text.replace(written, meant)
        return text


@contextmanager
def desk(folder: Path, **replaced: str) -> Iterator[Desk]:
    """Give a desk, and end what is still at work there after the block."""
    made = Desk(folder, replaced)
    try:
        yield made
    finally:
        for process in made.background:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_command(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
