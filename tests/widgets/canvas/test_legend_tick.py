from napari_visual_ccc.widgets.canvas.legend import legend_of
from napari_visual_ccc.widgets.canvas.legend_tick import LegendTick


def test_the_tick_follows_the_legend_once_it_is_in_a_window(viewer):
    tick = LegendTick(viewer)
    tick.follow()
    tick.toggle()
    assert not tick.isChecked()
    tick.toggle()
    viewer.window.add_dock_widget(tick)
    tick.follow()
    legend = legend_of(viewer, tick)
    legend.switch()
    assert not tick.isChecked()
    tick.click()
    assert legend.on
    assert "key K" in tick.toolTip()


def test_without_a_window_the_tick_does_nothing(headless, qtbot):
    tick = LegendTick(headless)
    qtbot.addWidget(tick)
    tick.follow()
    tick.click()
    assert not tick.isChecked()
