"""What of the API would break a client: the description from the code against the one that was last promised.

`python -m tooling.breaking` lists what breaks and has no entry in `openapi/CHANGELOG.md`; each entry stands under the
heading **Breaking** (`### Breaking`) of the newest version as a list item that names the change in backquotes, e.g.
"- `GET /api/v1/requests: parameter q`: use `words`". A `*` there stands for anything without a blank, so that
"`webhook training_request.* data into`" tells of all these events at once. `python -m tooling.breaking promise` makes
the committed description the one that is promised from now on: that is done with each release.

Version 1 changes by addition only. For what is sent (bodies, parameters) taking less breaks; for what is answered, giving
less. Codes of errors, values of enums in answers, types of events may be added: clients leave alone what they do not know.
A refusal may leave, too; where one leaves and another comes, the one has become the other, and that breaks.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
NOW = ROOT / "openapi" / "marketplace-v1.yaml"
PROMISED = ROOT / "openapi" / "promised-v1.json.gz"
CHANGELOG = ROOT / "openapi" / "CHANGELOG.md"
METHODS = ("get", "post", "put", "patch", "delete")
JSON = ("/json", "+json")  # how the names of such forms end: merge patches and refusals are JSON as well
# What is prose or example binds nobody.
PROSE = {"description", "summary", "title", "example", "examples", "tags", "x-spec-enum-id", "externalDocs"}
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")  # sent: raising them breaks
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")  # sent: lowering them breaks
SCHEME = ("type", "scheme", "in", "name")
FLOW = ("authorizationUrl", "tokenUrl", "refreshUrl")
NULL = {"type": "null"}
Schema = Mapping[str, Any]
Seen = tuple[tuple[str, ...], ...]


def bare(node: Any, *, names: bool = False) -> Any:
    """Leave out of a description what binds nobody; under ``names`` the keys are names, not words of the language."""
    if isinstance(node, list):
        return [bare(one) for one in node]
    if not isinstance(node, dict):
        return node
    inner = {"properties", "schemas", "responses", "headers", "parameters", "paths", "webhooks"}
    return {
        key: bare(value, names=key in inner and not names) for key, value in node.items() if names or key not in PROSE
    }


class Comparison:
    """Two descriptions, each with its own components."""

    def __init__(self, before: Schema, after: Schema) -> None:
        self.before, self.after = before, after

    def changes(self) -> Iterator[str]:
        """Name each change that breaks a client, sorted by path."""
        for path, item in sorted(self.before["paths"].items()):
            for method in METHODS:
                if method in item:
                    name = f"{method.upper()} {path}"
                    new = self.after["paths"].get(path, {}).get(method)
                    yield from [name] if new is None else self.of_operation(name, item[method], new)
        for event, item in sorted(self.before.get("webhooks", {}).items()):
            new = self.after.get("webhooks", {}).get(event)
            name = f"webhook {event}"
            yield from (
                [name]
                if new is None
                else self.of_content(name, item["post"]["requestBody"], new["post"]["requestBody"])
            )
        yield from self.of_schemes()

    # --- operations ---
    def of_operation(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare one operation."""
        yield from self.of_security(name, old, new)
        yield from self.of_parameters(name, old, new)
        yield from self.of_body(name, old, new)
        yield from self.of_answers(name, old.get("responses", {}), new.get("responses", {}))

    def of_schemes(self) -> Iterator[str]:
        """Each way to sign in must stay as it is, with all the scopes that can be asked for."""
        former, given = (one["components"].get("securitySchemes", {}) for one in (self.before, self.after))
        for name, scheme in sorted(former.items()):
            where, new = f"sign-in {name}", given.get(name)
            if new is None:
                yield where
                continue
            yield from (f"{where} {word}" for word in SCHEME if scheme.get(word) != new.get(word))
            for flow, old in sorted(scheme.get("flows", {}).items()):
                yield from of_flow(f"{where} {flow}", old, new.get("flows", {}).get(flow))

    def of_security(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        """A way to sign in that was enough must stay enough."""
        still = [json.dumps(way, sort_keys=True) for way in new.get("security", [])]
        if "{}" in still:
            return
        for way in old.get("security", []):
            if json.dumps(way, sort_keys=True) not in still:
                words = ", ".join(f"{kind} {' '.join(scopes)}".strip() for kind, scopes in way.items())
                yield f"{name}: security {words or 'none'}"

    def of_parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        """A parameter must stay, stay optional, and take what it took."""
        former, given = self.parameters(self.before, old), self.parameters(self.after, new)
        for key, parameter in former.items():
            where = f"{name}: parameter {key[1]}"
            if key not in given:
                yield where
                continue
            yield from self.of_parameter(where, parameter, given[key])
        for key in given.keys() - former.keys():
            if given[key].get("required"):
                yield f"{name}: parameter {key[1]} required"

    def of_parameter(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare one parameter; how several values are written counts only where there can be several."""
        if new.get("required") and not old.get("required"):
            yield f"{where} required"
        shape = old.get("schema", {})
        if types_of(whole(self.before, shape)) & {"array", "object"}:
            words = zip(("style", "explode"), written(old), written(new), strict=True)
            yield from (f"{where} {word}" for word, former, given in words if former != given)
        yield from self.sent(where, shape, new.get("schema", {}))

    def parameters(self, document: Schema, operation: Schema) -> dict[tuple[str, str], Schema]:
        """Give the parameters by place and name."""
        found = (look_up(document, one) for one in operation.get("parameters", []))
        return {(one["in"], one["name"]): one for one in found}

    def of_body(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        """What was taken must be taken."""
        former, given = old.get("requestBody"), new.get("requestBody")
        if former is None:
            yield from [f"{name}: body required"] if given and given.get("required") else []
            return
        if given is None:
            yield f"{name}: body"
            return
        for media, entry in former.get("content", {}).items():
            if media not in given["content"]:
                yield f"{name}: body {media}"
            elif media.endswith(JSON):
                yield from self.sent(f"{name}: body", entry["schema"], given["content"][media]["schema"])

    def of_answers(self, name: str, former: Schema, given: Schema) -> Iterator[str]:
        """What was answered must be answered; "not modified" may leave, as every client takes the whole, too."""
        another = any(status >= "400" for status in given.keys() - former.keys())
        for status, answer in former.items():
            if status in given:
                yield from self.of_answer(f"{name}: {status}", answer, given[status])
            elif status != "304" and (status < "400" or another):
                yield f"{name}: {status}"

    def of_answer(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare one answer: what it holds and its headers."""
        old, new = look_up(self.before, old), look_up(self.after, new)
        yield from self.of_content(where, old, new)
        for name, header in old.get("headers", {}).items():
            if name not in new.get("headers", {}):
                yield f"{where} header {name}"
                continue
            shapes = look_up(self.before, header), look_up(self.after, new["headers"][name])
            yield from self.given(f"{where} header {name}", *(one.get("schema", {}) for one in shapes))

    def of_content(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare what is given, form by form."""
        for media, entry in old.get("content", {}).items():
            given = new.get("content", {}).get(media)
            if given is None:
                yield f"{where} {media}"
            elif media.endswith(JSON):
                yield from self.given(where, entry.get("schema", {}), given.get("schema", {}))

    # --- shapes ---
    def sent(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare a shape that clients send: it must take all that it took."""
        yield from self.shape(where, old, new, sent=True, seen=())

    def given(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare a shape that clients read: it must give all that it gave."""
        yield from self.shape(where, old, new, sent=False, seen=())

    def shape(self, where: str, old: Schema, new: Schema, *, sent: bool, seen: Seen) -> Iterator[str]:
        """Compare two schemas; shapes within themselves are looked at once."""
        names = references(old)
        if names and names in seen:
            return
        seen = (*seen, names) if names else seen
        old, new = whole(self.before, old), whole(self.after, new)
        yield from types(where, old, new, sent=sent)
        yield from (*limits(where, old, new), *default(where, old, new)) if sent else ()
        yield from self.members(where, old, new, sent=sent, seen=seen)
        for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
                yield from self.shape(f"{where}{mark}", old[key], new[key], sent=sent, seen=seen)

    def members(self, where: str, old: Schema, new: Schema, *, sent: bool, seen: Seen) -> Iterator[str]:
        """Compare the members of an object."""
        former, given = old.get("properties", {}), new.get("properties", {})
        needed, need = set(old.get("required", ())), set(new.get("required", ()))
        for name, member in former.items():
            if name not in given:
                yield f"{where} {name}"
            else:
                yield from self.shape(f"{where} {name}", member, given[name], sent=sent, seen=seen)
        for name in sorted(need - needed if sent else (needed - need) & given.keys()):
            yield f"{where} {name} {'required' if sent else 'optional'}"


def of_flow(where: str, old: Schema, new: Schema | None) -> Iterator[str]:
    """Compare one flow of OAuth."""
    if new is None:
        yield where
        return
    yield from (f"{where} {word}" for word in FLOW if old.get(word) != new.get(word))
    yield from (f"{where} scope {scope}" for scope in sorted(old["scopes"].keys() - new["scopes"].keys()))


def written(parameter: Schema) -> tuple[str, bool]:
    """Give how several values of a parameter are written, with what OpenAPI takes where nothing is said."""
    style = parameter.get("style", "form" if parameter["in"] in ("query", "cookie") else "simple")
    return style, parameter.get("explode", style == "form")


def types(where: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
    """Compare types and allowed values: of what is sent none may go, of what is given none may come (but values may)."""
    narrow, wide = (new, old) if sent else (old, new)
    lost = types_of(wide) - types_of(narrow) if types_of(narrow) else set()
    if lost:
        yield f"{where} {' or '.join(sorted(lost))}"
    if sent and "enum" in new:
        gone = {json.dumps(one) for one in old.get("enum", ())} - {json.dumps(one) for one in new["enum"]}
        yield from [f"{where} enum {' '.join(sorted(gone))}"] if gone or "enum" not in old else []
    for word in ("format", "const"):
        if old.get(word) != new.get(word) and word in (new if sent else old):
            yield f"{where} {word}"


def types_of(schema: Schema) -> set[str]:
    """Give the types that a schema allows; none named means all. An integer is a number, too."""
    found = schema.get("type", [])
    names = {found} if isinstance(found, str) else set(found)
    for one in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        names |= types_of(one)
    return names | ({"integer"} if "number" in names else set())


def limits(where: str, old: Schema, new: Schema) -> Iterator[str]:
    """Compare the limits of what is sent."""
    for word in LOWER:
        if word in new and new[word] > old.get(
            word, 0 if word.startswith("min") and word != "minimum" else float("-inf")
        ):
            yield f"{where} {word}"
    for word in UPPER:
        if word in new and new[word] < old.get(word, float("inf")):
            yield f"{where} {word}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{where} pattern"


def default(where: str, old: Schema, new: Schema) -> Iterator[str]:
    """Compare what is taken where nothing is sent: whoever sends nothing has come to rely on it."""
    if "default" in old and ("default" not in new or old["default"] != new["default"]):
        yield f"{where} default"


def look_up(document: Schema, node: Schema) -> Schema:
    """Follow a reference."""
    while "$ref" in node:
        found: Any = document
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def references(schema: Schema) -> tuple[str, ...]:
    """Give the names of the shapes that a schema is made of."""
    parts = (schema, *(part for word in ("allOf", "oneOf", "anyOf") for part in schema.get(word, ())))
    return tuple(part["$ref"] for part in parts if "$ref" in part)


def whole(document: Schema, schema: Schema) -> Schema:
    """Follow a reference and put the parts of `allOf` together; the later ones say more, and most the schema itself."""
    schema = look_up(document, schema)
    merged: Schema = {}
    for part in schema.get("allOf", ()):
        merged = joined(merged, whole(document, part))
    return or_null(document, joined(merged, {key: value for key, value in schema.items() if key != "allOf"}))


def joined(one: Schema, other: Schema) -> Schema:
    """Put two schemas together that both hold; where both name something, the second one counts."""
    if not one:
        return other
    properties = {**one.get("properties", {}), **other.get("properties", {})}
    required = sorted({*one.get("required", ()), *other.get("required", ())})
    merged = {**one, **other, **({"properties": properties} if properties else {})}
    return merged | ({"required": required} if required else {})


def or_null(document: Schema, schema: Schema) -> Schema:
    """Read one shape beside null as that shape, which may be null as well; leave any other schema as it is."""
    word = "oneOf" if "oneOf" in schema else "anyOf"
    parts = schema.get(word, ())
    others = [part for part in parts if part != NULL]
    if len(others) != 1:
        return schema
    found = whole(document, others[0])
    if len(parts) > 1:
        kinds = {"type": sorted({*types_of(found), "null"})} if "type" in found else {}
        found = {**found, **kinds, **({"enum": [*found["enum"], None]} if "enum" in found else {})}
    return joined(found, {key: value for key, value in schema.items() if key != word})


# --- promise and changelog ----------------------------------------------------------------------------------------
def read(path: Path) -> Any:
    """Read the description from the code, without what binds nobody."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return bare(yaml.load(path.read_text("utf-8"), loader))  # noqa: S506  a safe loader, in C where there is one


def promised() -> Any:
    """Read what was promised."""
    return json.loads(gzip.decompress(PROMISED.read_bytes()))


def promise() -> None:
    """Make the description of now what is promised; the same description gives the same bytes."""
    text = json.dumps(read(NOW), sort_keys=True, separators=(",", ":"))
    PROMISED.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def announced(changelog: str) -> set[str]:
    """Give what stands in backquotes under **Breaking** of the newest version."""
    newest = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:2]
    parts = re.findall(r"^### Breaking\n(.*?)(?=^### |\Z)", newest[0] if newest else "", re.MULTILINE | re.DOTALL)
    return {one for part in parts for one in re.findall(r"^- `([^`]+)`", part, re.MULTILINE)}


def problems(before: Any, after: Any, changelog: str) -> list[str]:
    """List what breaks without an entry, and entries about what does not break."""
    found = list(dict.fromkeys(Comparison(before, after).changes()))
    told = {entry: tells_of(entry, found) for entry in announced(changelog)}
    covered = set().union(*told.values())
    silent = [one for one in found if one not in covered]
    empty = sorted(entry for entry, ones in told.items() if not ones)
    return [
        *(f"breaks clients, and openapi/CHANGELOG.md does not say so under ### Breaking: `{one}`" for one in silent),
        *(f"openapi/CHANGELOG.md tells of a break that is none: `{one}`" for one in empty),
    ]


def tells_of(entry: str, found: Iterable[str]) -> set[str]:
    """Give which breaks an entry tells of; its `*` stands for anything without a blank, so that none hides all."""
    form = re.compile(r"[^ ]*".join(map(re.escape, entry.split("*"))))
    return {one for one in found if form.fullmatch(one)}


def unannounced() -> list[str]:
    """List what the committed description breaks of the promised one without saying so."""
    return problems(promised(), read(NOW), CHANGELOG.read_text("utf-8"))


def main(words: list[str]) -> int:
    """Compare, or promise; the exit code is 1 where something breaks unannounced."""
    if words == ["promise"]:
        promise()
        return 0
    lines = unannounced()
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
