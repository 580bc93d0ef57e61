def test_tables_and_layers_of_the_network(stripes_model):
    _, result = stripes_model
    assert list(result.tables) == ["summary", "images", "split", "skipped"]
    assert result.table is result.summary
    assert result.architecture["trained"].sum() > 0
    assert result.examples.shape[1:] == (3, 32, 32)
