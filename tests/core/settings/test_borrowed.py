from __future__ import annotations

from napari_visual_ccc.core.settings.borrowed import at_end, given_back


def test_the_value_of_the_host_comes_back_when_the_last_operation_ends():
    restored = []
    with given_back():
        at_end("x", lambda: restored.append("host"))
        with given_back():
            # it saw the value of the first operation
            at_end("x", lambda: restored.append("first operation"))
        assert restored == []
    assert restored == ["host"]
    with given_back():
        pass
    assert restored == ["host"]
