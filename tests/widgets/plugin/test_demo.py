from __future__ import annotations

import numpy as np

from napari_visual_ccc import samples
from napari_visual_ccc.cli.demo import JOBS, run_jobs


def test_the_demo_shows_a_window_a_micrograph_with_its_results(viewer):
    from napari_visual_ccc.widgets.plugin.demo import show

    names = ("nanoparticles", "superalloy")
    jobs = {name: [j for j in JOBS[name] if "expl" not in j.operation] for name in names}
    finished = []
    for name in names:
        micrograph = samples.load(name)
        finished.append((micrograph, [done.outcome for done in run_jobs(micrograph, jobs[name])]))
    viewers = show(finished, block=False)
    try:
        titles = [viewer.title for viewer in viewers]
        assert titles == [f"napari-visual-ccc demo: {name}" for name in reversed(names)]
        for viewer, (micrograph, runs) in zip(viewers, reversed(finished), strict=True):
            layers = [part for outcome in runs for part in outcome.result.layers]
            assert len(viewer.layers) == 1 + len(layers)
            np.testing.assert_array_equal(viewer.layers[0].data, micrograph.data)
            assert "visual_ccc" in viewer.layers[-1].metadata
    finally:
        for viewer in viewers:
            viewer.close()
