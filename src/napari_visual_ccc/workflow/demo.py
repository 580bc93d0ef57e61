"""The jobs of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..core.micrograph import InfoBar, Micrograph
from ..core.progress import run
from .operations import OPERATIONS
from .run import Outcome, execute
from .signature import inputs
from .summary import summary


@dataclass(frozen=True)
class Job:
    """One operation of the demo.

    Parameters
    ----------
    after : str
        Operation whose first layer this one is given; the micrograph when empty.
    """

    operation: str
    parameters: dict[str, Any]
    after: str = ""


JOBS: dict[str, list[Job]] = {
    "nanoparticles": [
        Job("classify", {}),
        Job("explain", {"target": "cube"}),
        Job("explain", {"target": "sphere"}),
        Job("threshold", {}),
        Job("watershed_split", {"min_size": 30}, after="threshold"),
        Job("region_table", {"exclude_border": True}, after="watershed_split"),
    ],
    "superalloy": [
        Job("denoise", {}),
        Job("kmeans", {"clusters": 3}, after="denoise"),
        Job("select_cluster", {"cluster": 3}, after="kmeans"),
        Job("edge_density", {}),
    ],
    "coating": [
        Job("glcm_features", {"feature": "entropy", "window": 9}),
        Job("kmeans", {"clusters": 3, "features": "texture"}),
    ],
}


@dataclass(frozen=True)
class Done:
    """A job and what it gave."""

    job: Job
    outcome: Outcome

    @property
    def result(self) -> Any:
        """Result of the job."""
        return self.outcome.result


def run_jobs(micrograph: Micrograph, jobs: list[Job]) -> Iterator[Done]:
    """Run jobs one after the other, each on the micrograph or on an earlier result."""
    done: dict[str, Done] = {}
    for job in jobs:
        before = done.get(job.after)
        first, *further = inputs(job.operation)
        given = {first: _after(before, micrograph) if before else micrograph}
        given |= dict.fromkeys(further, micrograph)
        outcome = run(execute(job.operation, given, job.parameters))
        print(f"  {OPERATIONS[job.operation].title}: {summary(outcome.result)}")
        done[job.operation] = Done(job, outcome)
        yield done[job.operation]


def _after(before: Done, micrograph: Micrograph) -> Micrograph:
    """Give the first layer of an earlier result as an image on the micrograph."""
    layer = before.result.layers[0]
    return replace(
        micrograph,
        data=layer.data,
        name=f"{micrograph.name} {layer.name}",
        metadata={"visual_ccc": before.outcome.record.of(layer.name).plain()},
        info_bar=InfoBar(**before.result.facts.get("info_bar", {})),
    )
