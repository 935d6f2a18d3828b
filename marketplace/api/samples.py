"""Short examples of the forms that are no plain JSON, for the description: what each begins with. Bytes have none."""

from collections.abc import Mapping

MOMENT = "2026-11-23T09:00:00Z"
SAMPLES: Mapping[str, object] = {
    "application/atom+xml": '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
    f"<id>https://marketplace.example/api/v1/offerings</id><title>Offerings</title><updated>{MOMENT}</updated></feed>",
    "application/jsonl": '{"reference": "JEJU-INTENSIVE"}\n',
    "application/ld+json": {"@context": {"@vocab": "https://schema.org/"}, "@graph": []},
    "application/vnd.iati.activities+xml": f'<iati-activities version="2.03" generated-datetime="{MOMENT}"/>',
    "application/vnd.oai.openapi+json": {
        "openapi": "3.1.1",
        "info": {"title": "GMG Training Marketplace"},
        "paths": {},
    },
    "application/vnd.reliefweb.training.v2+json": {"title": "Fair recruitment in practice"},
    "application/yaml": "openapi: 3.1.1\n",
    "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "text/calendar": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//GMG//Training marketplace//EN\r\nEND:VCALENDAR\r\n",
    "text/csv": "reference,titles.en\r\nJEJU-INTENSIVE,Fair recruitment in practice\r\n",
    "text/html": '<!doctype html>\n<html lang="en"></html>',
    "text/plain": "OK\n",
    "text/turtle": "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n",
}


def sample(media_type: str) -> dict[str, object]:
    """Give the example of a media type as the description has it; nothing where it is bytes."""
    return {"example": SAMPLES[media_type]} if media_type in SAMPLES else {}
