"""What the server counts, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from framecache.engine import Engine
from framecache.video import Counters

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """An app's own counters and gauges. Threads may share it.

    Args:
        engine: Whose cache and decoders are told.
        waiting: Gives how many requests wait for a thread.
        counted: Gives what was done for all videos together.
    """

    def __init__(self, engine: Engine, waiting: Callable[[], int], counted: Callable[[], Counters]) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter("framecache_answers", "Pictures sent, by how they were had.", ["how"], registry=self.registry)
        # These two are counted so often that to look them up would show.
        self.cached, self.not_modified = self.answers.labels("cached"), self.answers.labels("not modified")
        self.problems = Counter("framecache_problems", "Requests answered with an error.", ["status"], registry=self.registry)
        self.queue_seconds, self.decode_seconds, self.encode_seconds = (
            Histogram(f"framecache_{name}_seconds", text, buckets=SECONDS, registry=self.registry)
            for name, text in (
                ("queue", "How long requests waited for a thread."),
                ("decode", "How long frames took to be had from the cache or a decoder."),
                ("encode", "How long pictures took to be encoded."),
            )
        )
        cache = engine.cache
        for name, text, give in (
            ("cache_bytes", "Bytes of frames and pictures that the cache holds.", lambda: cache.bytes_held),
            ("cache_budget_bytes", "The most that may be.", lambda: engine.buffer_size_bytes),
            ("open_decoders", "Decoders that are open.", lambda: engine.open_decoders),
            ("waiting_requests", "Requests that wait for a thread.", waiting),
        ):
            Gauge(f"framecache_{name}", text, registry=self.registry).set_function(give)
        self.registry.register(_EngineCounters(engine, counted))

    def as_text(self) -> bytes:
        """All of them."""
        return bytes(generate_latest(self.registry))


class _EngineCounters(Collector):
    """What the engine counts itself, for all videos together."""

    def __init__(self, engine: Engine, counted: Callable[[], Counters]) -> None:
        self._engine, self._counted = engine, counted

    def collect(self) -> Iterable[Metric]:
        for name, value in asdict(self._counted()).items():
            yield CounterMetricFamily(f"framecache_{name}", f"Of all videos: {name.replace('_', ' ')}.", value=value)
        yield CounterMetricFamily("framecache_evictions", "What the cache pushed out.", value=self._engine.cache.stats.evictions)
