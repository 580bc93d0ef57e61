from __future__ import annotations

import os
import socket

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks
from napari_visual_ccc.io.read.zarr import inflating

IMAGE = np.random.default_rng(0).integers(0, 60_000, (64, 80)).astype(np.uint16)

CODECS = {
    2: [None, numcodecs.Zstd(), numcodecs.GZip(), numcodecs.Blosc(), numcodecs.LZ4(),
        numcodecs.Zlib(), numcodecs.BZ2()],
    3: [None, ZstdCodec(), GzipCodec(), BloscCodec()],
}  # fmt: skip


@pytest.fixture
def lazy(monkeypatch):
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)


@pytest.mark.parametrize(
    ("version", "codec"), [(version, one) for version in CODECS for one in CODECS[version]]
)
def test_pieces_of_noise_are_read_with_every_codec(tmp_path, lazy, version, codec):
    zarr.create_array(
        tmp_path / "a.zarr", data=IMAGE, chunks=(30, 40), compressors=codec, zarr_format=version
    )
    np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, IMAGE)


@pytest.mark.parametrize("chunk", [(1, 1), (16, 20)])
def test_shards_are_read(tmp_path, lazy, chunk):
    zarr.create_array(tmp_path / "a.zarr", data=IMAGE, chunks=chunk, shards=(32, 40))
    np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, IMAGE)


@pytest.mark.parametrize("name", ["zstd", "gzip", "blosc", "lz4", "bz2"])
def test_a_piece_that_is_a_bomb_is_not_inflated(tmp_path, lazy, name):
    codecs = {
        "zstd": numcodecs.Zstd(), "gzip": numcodecs.GZip(), "blosc": numcodecs.Blosc(),
        "lz4": numcodecs.LZ4(), "bz2": numcodecs.BZ2(),
    }  # fmt: skip
    zarr.create_array(
        tmp_path / "a.zarr", data=IMAGE, chunks=(32, 40), zarr_format=2, compressors=codecs[name]
    )
    # bzip2 does not say what it inflates to: there the size in the file tells
    noise = np.random.default_rng(0).integers(0, 255, 1 << 18, np.uint8)
    bomb = np.zeros(1 << 24, np.uint8) if name != "bz2" else noise
    (tmp_path / "a.zarr/1.1").write_bytes(codecs[name].encode(bomb))
    with pytest.raises(ValueError, match=r"a\.zarr: is damaged: its part 1\.1 claims [\d,]+ bytes"):
        np.asarray(formats.read(tmp_path / "a.zarr").data)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
@pytest.mark.parametrize("name", ["0/c/1/1", "0/zarr.json", "1/c/0/0"])
def test_a_pipe_or_socket_in_a_store_is_not_waited_for(tmp_path, name):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    for one in "01":
        group.create_array(one, data=IMAGE, chunks=(32, 40))
    place = tmp_path / "a.zarr" / name
    place.unlink()
    if name.startswith("1"):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(place))
    else:
        os.mkfifo(place)
    with pytest.raises(ValueError, match="as a part of the image, which is no file"):
        [np.asarray(one.data) for one in formats.read_all(tmp_path / "a.zarr")]


def test_a_pipe_that_takes_the_place_of_a_piece_later_is_not_waited_for(tmp_path, lazy):
    if not hasattr(os, "mkfifo"):
        pytest.skip("pipes with names are those of Unix")
    zarr.create_array(tmp_path / "a.zarr", data=IMAGE, chunks=(32, 40))
    image = formats.read(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/c/0/1").unlink()
    os.mkfifo(tmp_path / "a.zarr/c/0/1")
    with pytest.raises(ValueError, match=r"a\.zarr: names 1 as a part of the image"):
        np.asarray(image.data)


BOMB = np.zeros(1 << 22, np.uint8)


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(inflating, "_UNSEEN_BYTES", 0)


@pytest.mark.parametrize("codec", [numcodecs.Zlib(), numcodecs.BZ2(), numcodecs.LZMA()])
def test_a_bomb_whose_codec_states_no_size_is_not_inflated(tmp_path, lazy, seen, codec):
    zarr.create_array(
        tmp_path / "a.zarr", data=IMAGE, chunks=(32, 40), zarr_format=2, compressors=codec
    )
    np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, IMAGE)
    (tmp_path / "a.zarr/1.1").write_bytes(codec.encode(BOMB))
    with pytest.raises(ValueError, match=r"a\.zarr: is damaged: its part 1\.1 claims [\d,]+ bytes"):
        np.asarray(formats.read(tmp_path / "a.zarr").data)


def test_all_members_of_a_piece_of_gzip_count(tmp_path, lazy, seen):
    codec = numcodecs.GZip()
    zarr.create_array(
        tmp_path / "a.zarr", data=IMAGE, chunks=(32, 40), zarr_format=2, compressors=codec
    )
    (tmp_path / "a.zarr/1.1").write_bytes(codec.encode(BOMB) + codec.encode(BOMB[:100]))
    with pytest.raises(ValueError, match=r"is damaged: its part 1\.1 claims [\d,]+ bytes"):
        np.asarray(formats.read(tmp_path / "a.zarr").data)


@pytest.mark.parametrize("codec", [GzipCodec(), ZstdCodec(), BloscCodec()])
@pytest.mark.parametrize("place", ["start", "end"])
@pytest.mark.parametrize("part", [np.s_[:], np.s_[:10, :10]])
def test_a_chunk_of_a_shard_may_be_a_bomb(tmp_path, lazy, seen, codec, place, part):
    def create(data, name, chunks):
        zarr.create_array(
            tmp_path / name, data=data, chunks=chunks, compressors=codec, filters=None,
            shards=zarr.core.array.ShardsConfigParam(shape=data.shape, index_location=place),
        )  # fmt: skip

    create(IMAGE, "a.zarr", (16, 20))
    np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, IMAGE)
    # the same shards for an array of smaller numbers
    create(np.ones((2048, 2048), np.uint16), "b.zarr", (512, 512))
    text = (tmp_path / "a.zarr/zarr.json").read_bytes()
    (tmp_path / "b.zarr/zarr.json").write_bytes(text)
    image = formats.read(tmp_path / "b.zarr")
    with pytest.raises(ValueError, match=r"b\.zarr: is damaged: its part 0 claims [\d,]+ bytes"):
        np.asarray(image.data[part])


@pytest.mark.parametrize(
    "codecs", [[GzipCodec(), ZstdCodec()], [ZstdCodec(), Crc32cCodec()], [GzipCodec()]]
)
def test_pieces_are_compressed_once(tmp_path, lazy, codecs):
    zarr.create_array(tmp_path / "a.zarr", data=IMAGE, chunks=(32, 40), compressors=codecs)
    if codecs[1:] and isinstance(codecs[1], ZstdCodec):
        with pytest.raises(ValueError, match=r"several times \(gzip, zstd\); save it with one"):
            formats.read(tmp_path / "a.zarr")
    else:
        np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, IMAGE)
