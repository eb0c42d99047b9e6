"""Prometheus metrics: counts and durations by route, step and model, and no content of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter("fovea_requests", "Requests", ("method", "route", "status"), registry=self.registry)
        self._seconds = Histogram(
            "fovea_request_seconds", "Duration of requests", ("route",), registry=self.registry, buckets=BUCKETS
        )
        self._steps = Histogram(
            "fovea_step_seconds",
            "Duration of each step of an answer",
            ("step",),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self._answers = Counter(
            "fovea_answers", "Images answered or refused", ("model", "status"), registry=self.registry
        )
        self.in_flight = Gauge("fovea_requests_in_flight", "Requests in progress", registry=self.registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. route: the path template, not the path."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_answer(self, model: str, status: str, timing_ms: Mapping[str, float]) -> None:
        """Count one image. status: ok or refused. timing_ms: milliseconds of each step."""
        self._answers.labels(model, status).inc()
        for step, milliseconds in timing_ms.items():
            self._steps.labels(step).observe(milliseconds / 1000)

    def watch_models(self, states: Callable[[], Mapping[str, str]]) -> None:
        """Report the state of each model. states: called at each scrape."""
        self.registry.register(_ModelStates(states))

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)


class _ModelStates(Collector):
    def __init__(self, states: Callable[[], Mapping[str, str]]) -> None:
        self._states = states

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("fovea_model_state", "1 for the state a model is in", labels=("model", "state"))
        for model, state in self._states().items():
            family.add_metric([model, state], 1)
        yield family
