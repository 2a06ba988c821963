"""``pyama demo``: the sample experiment, the whole workflow, and a comparison with the truth."""

from pathlib import Path

import typer

from pyama_core.cli.run import RunRequest, run_workflow
from pyama_core.sample import make_sample


def run_demo(output: Path, workers: int) -> int:
    """Make the sample, run the workflow on it and show what came out; return the exit code."""
    output.mkdir(parents=True, exist_ok=True)
    path = output / "sample.nd2"
    typer.echo(f"Making the sample experiment {path} ...")
    make_sample(path)
    request = RunRequest(
        path, output / "results", pc="0", fl=("1", "2"), workers=workers, settings=DEMO_SETTINGS
    )
    return run_workflow(request)
