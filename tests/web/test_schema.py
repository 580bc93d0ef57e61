import json
from pathlib import Path

from napari_visual_ccc.web import offers
from napari_visual_ccc.web.schema import openapi
from napari_visual_ccc.web.settings import Settings


def test_every_reference_and_operation_is_there():
    told = openapi(Settings(recipe=Path("a.yaml"), token="0123456789abcdef"))
    text = json.dumps(told)
    for reference in text.split('"$ref": "#/components/schemas/')[1:]:
        assert reference.split('"')[0] in told["components"]["schemas"]
    for name in [*offers.OFFERED, "recipe"]:
        assert f"/api/{name}" in told["paths"]
    assert told["security"]


def test_a_server_without_a_recipe_offers_none():
    told = openapi(Settings())
    assert "/api/recipe" not in told["paths"]
    assert told["security"] == []
    operation = told["paths"]["/api/jobs"]["post"]["requestBody"]["content"]["application/json"]
    allowed = operation["schema"]["allOf"][1]["properties"]["operation"]["enum"]
    assert allowed == offers.names(Settings())
