from napari_visual_ccc.widgets.form.batch.remedy import in_dialog


def test_the_flag_of_the_command_line_is_named_as_in_the_dialog():
    error = in_dialog(FileExistsError("begin anew with --force (force=True in Python)"))
    assert str(error) == "begin anew with 'Begin anew' (under More)"
    other = ValueError("--force (force=True in Python)")
    assert in_dialog(other) is other
