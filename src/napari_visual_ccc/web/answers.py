"""What the JSON interface answers, as JSON schemas."""

from __future__ import annotations

from typing import Any, get_args

from .jobs import State
from .settings import Limits

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Refer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_none(kind: str) -> Schema:
    return {"type": [kind, "null"]}


_TEXT, _WHOLE, _TRUTH, _ANY = (
    {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}, {"type": "object"},
)  # fmt: skip

_SIZE = {"type": "number", "exclusiveMinimum": 0}

_SHARE = {"type": "number", "minimum": 0, "maximum": 1}

_IMAGE = _object(
    {
        "shape": _list(_WHOLE),
        "dtype": _TEXT,
        "notes": _list(_TEXT),
        "pixel_size": {
            "oneOf": [
                _object({"height": _SIZE, "width": _SIZE, "unit": _TEXT}), {"type": "null"},
            ]
        },
    }
)  # fmt: skip

_TABLE = _object(
    {
        "rows": _WHOLE,
        "columns": _list(_TEXT),
        "values": _list(_list({"type": ["number", "string", "boolean", "null"]})),
    }
)

_PREDICTION = _object(
    {
        "verdict": _TEXT, "unknown": _TRUTH, "calibrated": _TRUTH,
        "prediction_set": _list(_TEXT), "windows": _WHOLE, "means": _TEXT,
        "top": _list(_object({"class": _TEXT, "probability": _SHARE})),
    }
)  # fmt: skip

_FILE = _object({"name": _TEXT, "type": _TEXT, "bytes": _WHOLE, "url": _TEXT})

_RESULT = _object(
    {
        "image": ref("DecodedImage"), "files": _list(ref("File")),
        "summary": _TEXT, "facts": _ANY, "notes": _list(_TEXT), "layers": _list(_TEXT),
        "tables": {"type": "object", "additionalProperties": ref("Table")},
        "model": _ANY, "parameters": _ANY,
        "target": _TEXT, "prediction": ref("Prediction"),
    },
    # a preview has an image and a file; classes are those of a classifier
    (
        "summary", "facts", "notes", "layers", "tables", "model", "parameters", "target",
        "prediction",
    ),
)  # fmt: skip

_JOB = _object(
    {
        "id": _TEXT, "operation": _TEXT, "name": _TEXT,
        "state": {"type": "string", "enum": list(get_args(State))},
        "progress": _object({"share": {**_SHARE, "type": ["number", "null"]}, "note": _TEXT}),
        "error": _TEXT, "status": _WHOLE, "result": ref("Result"),
    },
    ("progress", "error", "status", "result"),
)  # fmt: skip

_HEALTH = _object({"status": _TEXT, "waiting": _WHOLE, "running": _WHOLE, "kept": _WHOLE})

_MODEL = _object(
    {
        "name": _TEXT, "architecture": _TEXT, "classes": _list(_TEXT), "use": _or_none("string"),
        "metrics": _or_none("object"), "licence": _or_none("string"), "layers": _list(_TEXT),
        "calibrated": _TRUTH, "detects_unknown": _TRUTH,
    }
)  # fmt: skip

_VERSION = _object(
    {
        "version": _TEXT,
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "model": ref("Model"),
    }
)

_LIMITS = _object({**dict.fromkeys(Limits().plain(), _WHOLE), "suffixes": _list(_TEXT)})

SCHEMAS: dict[str, Schema] = {
    "Error": _object({"error": _TEXT}),
    "DecodedImage": _IMAGE,
    "Table": _TABLE,
    "Prediction": _PREDICTION,
    "File": _FILE,
    "Result": _RESULT,
    "Job": _JOB,
    "Health": _HEALTH,
    "Model": _MODEL,
    "Version": _VERSION,
    "Limits": _LIMITS,
}

# statuses of all addresses: names, origins and bugs are those of every request
EVERYWHERE = ("400", "403", "405", "500")

STATUS = {
    "400": "The request cannot be understood, or was sent under a wrong name of this server.",
    "401": "A token is needed, or it is wrong.",
    "403": "The request was sent by another web page.",
    "404": "There is no such job or file, or it has expired.",
    "405": "This address takes another method.",
    "408": "The image was sent too slowly.",
    "413": "The image is too large.",
    "415": "It is not a kind of image that can be read.",
    "422": "The image is damaged, or a choice is wrong.",
    "429": "Too many wrong tokens.",
    "500": "A bug of the server.",
    "503": "The queue is full, or the server is stopping.",
    "507": "The disk of the server is full.",
}

_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}

_HEADERS = {
    "401": {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}}},
    "429": _AFTER,
    "503": _AFTER,
}


def errors(codes: tuple[str, ...]) -> dict[str, Any]:
    """Describe the answers that are errors."""
    content = {"application/json": {"schema": ref("Error")}}
    return {
        code: {
            "description": STATUS[code],
            "content": content,
            **({"headers": _HEADERS[code]} if code in _HEADERS else {}),
        }
        for code in sorted({*codes, *EVERYWHERE})
    }
