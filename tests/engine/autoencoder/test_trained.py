from napari_visual_ccc.engine.autoencoder.trained import forecast


def test_tables_and_layers_of_the_network(stripes_model):
    _, result = stripes_model
    assert list(result.tables) == ["summary", "images", "split", "skipped"]
    assert result.table is result.summary
    assert result.architecture["trained"].sum() > 0
    assert result.examples.shape[1:] == (3, 32, 32)


def test_the_forecast_is_that_of_the_measured_training():
    choices = {"tile": 96, "tiles": 600, "batch_size": 32, "epochs": 30, "validation": 0.2}
    needed, seconds = forecast(choices)
    # the default training took 96 to 127 s of processor time on real images
    assert 90 < seconds < 130
    assert 1e9 < needed < 1.5e9
    assert forecast({**choices, "batch_size": 128})[0] - needed > 0.4e9
    assert forecast({**choices, "validation": 0.0})[1] > 620e-9 * 600 * 96**2 * 30 * 0.99
