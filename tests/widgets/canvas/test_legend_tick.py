from napari_visual_ccc.widgets.canvas.legend import legend_of
from napari_visual_ccc.widgets.canvas.legend_tick import LegendTick


def test_the_tick_and_the_legend_follow_each_other(viewer, qtbot):
    tick = LegendTick(viewer)
    qtbot.addWidget(tick)
    legend = legend_of(viewer)
    legend.switch()
    assert not tick.isChecked()
    tick.click()
    assert legend.on
    assert "key K" in tick.toolTip()
    legend.switch(False)
    late = LegendTick(viewer)
    qtbot.addWidget(late)
    assert not late.isChecked()


def test_without_a_window_the_tick_does_nothing(headless, qtbot):
    tick = LegendTick(headless)
    qtbot.addWidget(tick)
    tick.click()
    assert not tick.isChecked()
