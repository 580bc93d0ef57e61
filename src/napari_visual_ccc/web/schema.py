"""The JSON interface in the terms of OpenAPI, made from the signatures of the operations."""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..workflow import signature
from ..workflow.operations import OPERATIONS
from . import offers
from .settings import Settings

# fields of a request beside the choices of its operation
IMAGE_FIELDS: dict[str, dict[str, Any]] = {
    "file": {
        "type": "string",
        "format": "binary",
        "description": "Image file of any kind that this program reads.",
    },
    "data": {
        "type": "string",
        "format": "byte",
        "description": "Image file as base64 (in JSON), with its name.",
    },
    "name": {"type": "string", "description": "Name of the file that data is from."},
    "image": {"type": "string", "description": "Id of an earlier job: its image is used again."},
    "spacing": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Size of a pixel, where the file states none or a wrong one.",
    },
    "unit": {"type": "string", "default": "nm", "description": "Unit of spacing."},
    "slice": {
        "type": "integer",
        "minimum": 0,
        "default": 0,
        "description": "Which slice of a stack is used.",
    },
}

_STATUS = {
    "400": "The request cannot be understood, or was sent under a wrong name of this server.",
    "401": "A token is needed.",
    "404": "There is no such job, or it has expired.",
    "413": "The image is too large.",
    "415": "It is not a kind of image that can be read.",
    "422": "The image is damaged, or a choice is wrong.",
    "429": "Too many wrong tokens.",
    "503": "The queue is full: try again after the seconds of Retry-After.",
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
    every = [*known[1:]]
    paths: dict[str, Any] = {f"/api/{name}": {"post": _post(name, "200")} for name in every}
    paths["/api/jobs"] = {"post": _jobs(known)}
    paths["/api/jobs/{id}"] = {
        "get": _get("State, progress and result of a job."),
        "delete": _get("Stop a job, and delete its image and its results.", "204"),
    }
    paths["/api/jobs/{id}/files/{file}"] = {"get": _get("A file of a result.")}
    for name, text in {
        "health": "Whether the server works, and how many jobs it has.",
        "version": "Versions, and the model.",
        "limits": "What the server takes from its clients.",
        "schema": "This document.",
    }.items():
        paths[f"/api/{name}"] = {"get": _get(text)}
    schemas = {name: offers.schema(name) | _title(name) for name in known}
    return {
        "openapi": "3.1.0",
        "info": {"title": "napari-visual-ccc", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {
                **schemas,
                "Image": {"type": "object", "properties": IMAGE_FIELDS},
                "Error": {"type": "object", "properties": {"error": {"type": "string"}}},
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}] if settings.token else [],
    }


def _title(name: str) -> dict[str, str]:
    if name in OPERATIONS:
        return {"title": OPERATIONS[name].title, "description": signature.summary(name)}
    return {
        offers.PREVIEW: {"title": "Preview", "description": "Show an image."},
        offers.RECIPE: {"title": "Recipe", "description": "Repeat the recipe of this server."},
    }[name]


def _jobs(known: list[str]) -> dict[str, Any]:
    operation = {"type": "string", "enum": known}
    choices = [{"$ref": f"#/components/schemas/{name}"} for name in known]
    body = {
        "allOf": [_IMAGE, {"type": "object", "properties": {"operation": operation}}],
        "anyOf": choices,
    }
    return _answers("Queue a job.", "202") | _body(body)


def _post(name: str, status: str) -> dict[str, Any]:
    body = {"allOf": [_IMAGE, {"$ref": f"#/components/schemas/{name}"}]}
    return _answers(_title(name)["description"], status) | _body(body)


_IMAGE = {"$ref": "#/components/schemas/Image"}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = ("multipart/form-data", "application/json")
    return {"requestBody": {"content": {kind: {"schema": schema} for kind in kinds}}}


def _get(text: str, status: str = "200") -> dict[str, Any]:
    return _answers(text, status)


def _answers(text: str, status: str) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    wrong = {code: {"description": one, "content": error} for code, one in _STATUS.items()}
    return {"summary": text, "responses": {status: {"description": text}, **wrong}}
