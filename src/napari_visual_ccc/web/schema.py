"""The JSON interface in the terms of OpenAPI, made from the signatures of the operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import __version__
from ..workflow import signature
from ..workflow.operations import OPERATIONS
from . import offers
from .answers import SCHEMAS, errors, ref
from .settings import Settings
from .work import FILE_TYPES

# how a request names its image, beside a file of a form
_EARLIER: dict[str, Any] = {
    "image": {"type": "string", "description": "Id of an earlier job: its image is used again."},
}

# of the image, whatever it is sent as
_FRAME: dict[str, Any] = {
    "spacing": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Size of a pixel, where the file states none or a wrong one.",
    },
    "unit": {
        "type": "string",
        "default": "nm",
        "maxLength": 20,
        "description": "Unit of spacing, which must be given as well.",
    },
    "slice": {
        "type": "integer",
        "minimum": 0,
        "default": 0,
        "description": "Which slice of a stack is used.",
    },
}

_FORM: dict[str, Any] = {
    "file": {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": "Image file of any kind that this program reads.",
    },
}

_JSON: dict[str, Any] = {
    "data": {
        "type": "string",
        "contentEncoding": "base64",
        "description": "Image file as base64 or as a data URL, with its name.",
    },
    "name": {"type": "string", "description": "Name of the file that data is from."},
}

# kind of a request → schema of its image
_KINDS = {"multipart/form-data": "ImageForm", "application/json": "ImageJson"}

_SENDING = ("401", "404", "408", "413", "415", "422", "429", "503", "507")

_OF_A_JOB = ("401", "404", "429")

_PATH = {
    "id": "Id of a job.",
    "file": "Name of a file, from the list of the result.",
}


def openapi(settings: Settings) -> dict[str, Any]:
    """Describe all addresses of the interface.

    Parameters
    ----------
    settings : Settings
        Of the server.

    Returns
    -------
    dict
        An OpenAPI 3.1 document.
    """
    known = offers.names(settings)
    return {
        "openapi": "3.1.0",
        "info": {"title": "napari-visual-ccc", "version": __version__},
        "servers": [{"url": settings.prefix or "/"}],
        "paths": _paths(known),
        "components": {
            "schemas": {
                **{name: offers.schema(name, settings) | _title(name) for name in known},
                "ImageForm": _image(_FORM, "file"),
                "ImageJson": _image(_JSON, "data"),
                **SCHEMAS,
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}] if settings.token else [],
    }


def _paths(known: list[str]) -> dict[str, Any]:
    paths: dict[str, Any] = {f"/api/{name}": {"post": _post(name)} for name in known[1:]}
    paths["/api/jobs"] = {"post": _queue(known)}
    paths["/api/jobs/{id}"] = {
        "parameters": [_parameter("id")],
        "get": _told("State, progress and result of a job.", "Job", _OF_A_JOB),
        "delete": {
            "summary": "Stop a job, and delete its image and its results.",
            "responses": {"204": {"description": "It is deleted."}, **errors(_OF_A_JOB)},
        },
    }
    paths["/api/jobs/{id}/files/{file}"] = {
        "parameters": [_parameter("id"), _parameter("file")],
        "get": {
            "summary": "A file of a result.",
            "responses": {
                "200": {"description": "Its bytes.", "content": {kind: {} for kind in FILE_TYPES}},
                **errors(_OF_A_JOB),
            },
        },
    }
    secret = ("401", "429")
    paths["/api/version"] = {"get": _told("Versions, and the model.", "Version", secret)}
    paths["/api/limits"] = {"get": _told("What the server takes of a client.", "Limits", secret)}
    text = "Whether the server works, and how many jobs it has."
    # these two need no token
    paths["/api/health"] = {"get": {**_told(text, "Health", ()), "security": []}}
    document = _told("This document.", {"type": "object"}, ())
    paths["/api/schema"] = {"get": {**document, "security": []}}
    return paths


def _title(name: str) -> dict[str, str]:
    if name in OPERATIONS:
        return {"title": OPERATIONS[name].title, "description": signature.summary(name)}
    return {
        offers.PREVIEW: {"title": "Preview", "description": "Show an image."},
        offers.RECIPE: {"title": "Recipe", "description": "Repeat the recipe of this server."},
    }[name]


def _image(sent: dict[str, Any], needed: str) -> dict[str, Any]:
    ways: list[dict[str, Any]] = [{"required": [needed]}, {"required": ["image"]}]
    return {
        "type": "object",
        "properties": {**sent, **_EARLIER, **_FRAME},
        "oneOf": ways,
        "dependentRequired": {"unit": ["spacing"]} | ({"name": [needed]} if "name" in sent else {}),
    }


def _queue(known: list[str]) -> dict[str, Any]:
    """A job of any operation: the choices are those of the one that is named."""
    operation = {"type": "string", "enum": known}
    named: dict[str, Any] = {
        "type": "object", "properties": {"operation": operation}, "required": ["operation"],
    }  # fmt: skip
    each = [{"properties": {"operation": {"const": name}}, "allOf": [ref(name)]} for name in known]
    where = {"Location": {"description": "Address of the job.", "schema": {"type": "string"}}}
    taken = {"description": "It waits for its turn.", "headers": where, "content": _content("Job")}
    return {
        "summary": "Queue a job.",
        "requestBody": _body(lambda image: {"allOf": [ref(image), named], "oneOf": each}),
        "responses": {"202": taken, **errors(_SENDING)},
    }


def _post(name: str) -> dict[str, Any]:
    text = _title(name)["description"]
    body = _body(lambda image: {"allOf": [ref(image), ref(name)]})
    return {**_told(text, "Job", _SENDING), "requestBody": body}


def _body(schema: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    content = {
        kind: {"schema": {**schema(image), "unevaluatedProperties": False}}
        for kind, image in _KINDS.items()
    }
    return {"required": True, "content": content}


def _content(schema: str | dict[str, Any]) -> dict[str, Any]:
    named = ref(schema) if isinstance(schema, str) else schema
    return {"application/json": {"schema": named}}


def _told(text: str, schema: str | dict[str, Any], wrong: tuple[str, ...]) -> dict[str, Any]:
    """An address that answers in JSON."""
    answer = {"description": text, "content": _content(schema)}
    return {"summary": text, "responses": {"200": answer, **errors(wrong)}}


def _parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "name": name, "in": "path", "required": True, "schema": schema, "description": _PATH[name],
    }  # fmt: skip
