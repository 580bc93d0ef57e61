from napari_visual_ccc.widgets.form.batch import session


def test_choices_are_kept_but_not_that_something_is_replaced():
    session.remember(layers="none", force=True)
    session.remember(layers="imagej")
    assert session.recalled() == {"layers": "imagej"}
    session.forget()
    assert session.recalled() == {}
