"""Builds every address of the JSON API, as `urls` builds those of pages."""

from app.contract.network import escape_layer
from app.web.url_path import path, rooted


def openapi() -> str:
    return rooted("/api/openapi.json")


def network(slug: str) -> str:
    return path("api", "networks", slug)


def unit(network: str, layer: str, unit: int) -> str:
    return path("api", "networks", network, "layers", escape_layer(layer), "units", unit)


def lines(slug: str) -> str:
    return path("api", "networks", slug, "units.jsonl")


def visualization(visualization_id: int) -> str:
    return path("api", "visualizations", visualization_id)


def dataset(slug: str) -> str:
    return path("api", "datasets", slug)


def clip(dataset: str, name: str) -> str:
    return path("api", "datasets", dataset, "clips", name)


def survey(network: str, dataset: str | None = None) -> str:
    return path("api", "networks", network, "survey", query={"dataset": dataset})


def confusions(network: str) -> str:
    return path("api", "networks", network, "confusions")


def confusion(network: str, a: str, b: str) -> str:
    return path("api", "networks", network, "confusion", query={"a": a, "b": b})


def answers(network: str, **choices: str | int | None) -> str:
    return path("api", "networks", network, "answers", query=choices)


def own_clips() -> str:
    return rooted("/api/clips")


def own_clip(clip_id: int) -> str:
    return path("api", "clips", clip_id)


def findings(network: str) -> str:
    return path("api", "networks", network, "findings")


def compared_findings(*, a: str, b: str) -> str:
    return path("api", "findings", query={"a": a, "b": b})


def job(job_id: int) -> str:
    return path("api", "jobs", job_id)


def events(*, job: int | None = None, network: str | None = None) -> str:
    return path("api", "events", query={"job": job, "network": network})


def links() -> str:
    return rooted("/api/links")


def naming_session(session_id: str) -> str:
    return path("api", "naming", "sessions", session_id)


def naming_report(**choices: str | int | None) -> str:
    return path("api", "naming", "report", query=choices)
