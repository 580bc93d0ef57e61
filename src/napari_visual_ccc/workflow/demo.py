"""The jobs of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.micrograph import Micrograph
from ..core.progress import run
from ..core.result import Result
from . import operations, signature
from . import run as operation_run
from .provenance import provenance
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
    """What a job gave, with one record a layer (and one for a table alone, named "")."""

    job: Job
    result: Result
    records: dict[str, dict[str, Any]]


def _run_jobs(micrograph: Micrograph, jobs: list[Job]) -> Iterator[Done]:
    done: dict[str, Done] = {}
    for job in jobs:
        before = done.get(job.after)
        data = before.result.layer().data if before else micrograph.data
        first, *further = signature.inputs(job.operation)
        arrays = {first: data} | dict.fromkeys(further, micrograph.data)
        steps = operation_run.start(
            job.operation,
            arrays,
            job.parameters,
            spacing=micrograph.spacing,
            unit=micrograph.unit,
        )
        result = run(steps)
        print(f"  {operations.OPERATIONS[job.operation].title}: {summary(result)}")
        done[job.operation] = Done(job, result, _records(micrograph, job, result, before, further))
        yield done[job.operation]


def _records(
    micrograph: Micrograph, job: Job, result: Result, before: Done | None, further: list[str]
) -> dict[str, dict[str, Any]]:
    given = f"{micrograph.name} {before.result.layers[0].name}" if before else micrograph.name
    inputs = {signature.inputs(job.operation)[0]: given} | dict.fromkeys(further, micrograph.name)
    return {
        name: provenance(
            job.operation,
            job.parameters,
            inputs,
            source={
                "name": micrograph.name,
                "path": str(micrograph.path or ""),
                "spacing": micrograph.spacing,
                "unit": micrograph.unit,
            },
            previous=next(iter(before.records.values())) if before else None,
            result=result,
            output=name,
        )
        for name in [layer.name for layer in result.layers] or [""]
    }
