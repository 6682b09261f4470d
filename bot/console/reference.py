"""The description of /api/v1 as a page shows it: read from the OpenAPI, drawn by us.

A ready-made viewer would be a third of all that the console loads, and shuts out whoever works
without a mouse (docs/decisions/0014).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a field of a body; `where` is path, query or body."""

    name: str
    where: str
    type: str
    required: bool
    default: str
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `example` is what a shell would send."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    fields: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]
    example: str


def operations(openapi: Mapping[str, Any], base: str) -> dict[str, list[Operation]]:
    """Every operation by its noun; `base` is where the reader's console is."""
    schemas = openapi.get("components", {}).get("schemas", {})
    found: dict[str, list[Operation]] = {}
    for path, methods in openapi["paths"].items():
        for method, told in methods.items():
            noun = (told.get("tags") or [""])[0]
            found.setdefault(noun, []).append(_operation(method, path, told, schemas, base))
    return found


def _operation(
    method: str, path: str, told: Mapping[str, Any], schemas: Mapping[str, Any], base: str
) -> Operation:
    fields = [_parameter(each, schemas) for each in told.get("parameters", ())]
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields += _body(body.get("schema", {}), schemas)
    about = told.get("description", "").partition("\n")[2].strip()
    answers = [
        (status, answer.get("description", "")) for status, answer in told["responses"].items()
    ]
    return Operation(
        told["operationId"], method.upper(), path, told.get("summary", ""), about, tuple(fields),
        tuple(sorted(answers)), _example(method, path, fields, base),
    )  # fmt: skip


def _parameter(told: Mapping[str, Any], schemas: Mapping[str, Any]) -> Field:
    schema = told.get("schema", {})
    return Field(
        told["name"], told["in"], _type(schema, schemas), told.get("required", False),
        _default(schema), told.get("description") or schema.get("description", ""),
    )  # fmt: skip


def _body(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Field]:
    found = _resolved(schema, schemas)
    needed = found.get("required", ())
    return [
        Field(
            name, "body", _type(each, schemas), name in needed, _default(each),
            each.get("description", ""),
        )
        for name, each in found.get("properties", {}).items()
    ]  # fmt: skip


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference names; of several, the first that is not null."""
    if "$ref" in schema:
        found: Mapping[str, Any] = schemas[schema["$ref"].removeprefix(REF)]
        return found
    for each in schema.get("anyOf", ()):
        if each.get("type") != "null":
            return _resolved(each, schemas)
    return schema


def _type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """`integer 1…200`, `array of string`, `one of a, b`."""
    null = any(each.get("type") == "null" for each in schema.get("anyOf", ()))
    found = _resolved(schema, schemas)
    if "enum" in found:
        text = "one of " + ", ".join(map(str, found["enum"]))
    elif found.get("type") == "array":
        text = f"array of {_type(found.get('items', {}), schemas)}"
    else:
        text = " ".join(
            filter(None, (found.get("format") or found.get("type", "any"), _range(found)))
        )
    return f"{text}, null" if null else text


def _range(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None or most is not None:
        return f"{'' if least is None else least}…{'' if most is None else most}"
    longest = schema.get("maxLength")
    return "" if longest is None else f"≤ {longest}"


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, "") else json.dumps(default, ensure_ascii=False)


def _example(method: str, path: str, fields: list[Field], base: str) -> str:
    shown = path
    for field in fields:
        if field.where == "path":
            shown = shown.replace(f"{{{field.name}}}", field.name.removesuffix("_id").upper())
    words = ["curl", *(["-X", method.upper()] if method != "get" else []), f"'{base}{shown}'"]
    words += ["-H", "'Authorization: Bearer qy_…'"]
    body = {field.name: "…" for field in fields if field.where == "body"}
    if body:
        words += ["--json", f"'{json.dumps(body, ensure_ascii=False)}'"]
    return " ".join(words)
