import pytest

from napari_visual_ccc.web.settings import Limits, Settings

TOKEN = "0123456789abcdef"


def test_this_machine_alone_needs_no_token():
    Settings().check()
    assert Settings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("settings", "remote", "message"),
    [
        (Settings(host="0.0.0.0", token=TOKEN), False, "--allow-remote"),
        (Settings(host="0.0.0.0"), True, "--token-file, or set the variable VISUAL_CCC_TOKEN"),
        # behind a proxy others reach it as well
        (Settings(names=("lab.example.org",)), False, "--token-file"),
        (Settings(token="short"), False, "16"),
        (Settings(token="é" * 20), False, "ASCII"),
        # no header carries these
        (Settings(token="two lines\nof 20 letters"), False, "one line"),
        (Settings(token="two words of letters"), False, "spaces"),
    ],
)
def test_others_need_permission_and_a_token(settings, remote, message):
    with pytest.raises(ValueError, match=message):
        settings.check(remote=remote)


def test_others_connect_with_both():
    Settings(host="0.0.0.0", token=TOKEN).check(remote=True)
    assert TOKEN not in repr(Settings(token=TOKEN))


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "127.0.0.1", "::1", "10.0.0.7"])
def test_addresses_are_no_rebound_names(name):
    assert Settings().knows(name)


def test_other_names_are_known_when_they_are_given():
    assert not Settings().knows("evil.example")
    assert not Settings().knows("")
    assert Settings(names=("Lab.example.org",)).knows("lab.example.org")


def test_limits_are_plain_numbers():
    assert Limits(pixels=7).plain()["pixels"] == 7


@pytest.mark.parametrize("prefix", ["lab", "/lab/", "/", "//evil.example", "/a b", "/../x", "/a?b"])
def test_a_prefix_that_is_no_path_is_refused(prefix):
    with pytest.raises(ValueError, match="write it as /micrographs"):
        Settings(prefix=prefix).check()
    Settings(prefix="/lab/micrographs-2.0").check()
