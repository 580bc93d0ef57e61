import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_visual_ccc.widgets.parts.accordion import Accordion
from napari_visual_ccc.widgets.parts.scrolling import Scroll, scroll_in_dock


@pytest.fixture
def steps(qtbot):
    """Four steps in a scroll area; the last two share a widget, which is high."""
    made, shared = [], QWidget()
    layout = QVBoxLayout(shared)
    for number in range(40):
        layout.addWidget(QLineEdit(str(number)))

    def content(name):
        made.append(name)
        return QLabel(name)

    accordion = Accordion(200)
    accordion.made, accordion.shared = made, shared
    for name in ("Open & info", "quality"):
        accordion.add(name, f"About {name}", lambda name=name: content(name))
    for name in ("classify", "explain"):
        accordion.add(name, f"About {name}", lambda: shared)
    scroll = Scroll(accordion)
    qtbot.addWidget(scroll)
    scroll.resize(300, 300)
    scroll.show()
    scroll.activateWindow()
    QApplication.processEvents()
    yield accordion
    scroll.close()


def test_one_step_is_open_and_made_when_it_is(steps, qtbot):
    assert steps.opened is None
    assert steps.made == []
    qtbot.mouseClick(steps.titles[1], Qt.MouseButton.LeftButton)
    assert steps.opened == 1
    assert steps.made == ["quality"]
    assert [one.text() for one in steps.findChildren(QLabel) if one.isVisible()] == ["quality"]
    steps.open(0)
    assert [one.isChecked() for one in steps.titles] == [True, False, False, False]
    assert [one.text() for one in steps.findChildren(QLabel) if one.isVisible()] == ["Open & info"]
    qtbot.mouseClick(steps.titles[0], Qt.MouseButton.LeftButton)
    assert steps.opened is None
    assert not any(one.isVisible() for one in steps.findChildren(QLabel))


def test_steps_share_a_widget_which_moves_to_the_one_that_is_open(steps, qtbot):
    steps.open(2)
    first = steps.shared.parentWidget()
    steps.open(3)
    assert steps.shared.isVisible()
    assert steps.shared.parentWidget() is not first
    # its title is where one reads on
    scroll = steps.parentWidget().parentWidget()
    title = steps.titles[3]
    qtbot.waitUntil(lambda: scroll.verticalScrollBar().value() == title.y())
    steps.open(2)
    assert steps.shared.parentWidget() is first
    assert steps.shared.isVisible()


def test_the_keyboard_goes_through_the_titles(steps, qtbot):
    titles = steps.titles
    titles[0].setFocus()
    qtbot.keyClick(titles[0], Qt.Key.Key_Down)
    assert steps.focusWidget() is titles[1]
    qtbot.keyClick(titles[1], Qt.Key.Key_Return)
    assert steps.opened == 1
    qtbot.keyClick(titles[1], Qt.Key.Key_Space)
    assert steps.opened is None
    qtbot.keyClick(titles[0], Qt.Key.Key_Up)
    assert steps.focusWidget() is titles[3]


def test_a_screen_reader_hears_number_name_and_purpose(steps):
    title = steps.titles[0]
    assert title.accessibleName() == "Step 1: Open & info"
    assert title.accessibleDescription() == title.toolTip() == "About Open & info"
    assert title.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_what_scrolls_in_a_dock_scrolls_with_the_steps(steps):
    form = QWidget()
    QVBoxLayout(form).addWidget(QLabel("of a form"))
    scroll_in_dock(form)
    steps.add("form", "", lambda: form)
    steps.open(4)
    assert form.isVisible()
    assert form.findChildren(Scroll) == []
