"""All settings of the service, from the environment (`FOVEA_*`), a `.env` file, or the flags of the same names."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SHIPPED_REGISTRY = Path(__file__).parent / "models" / "zoo"


def available_cores() -> int:
    """Cores this process may use: the smaller of its affinity mask and its container's CPU quota, at least 1."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, float(quota) / float(period))
    except (OSError, ValueError):
        pass
    return max(1, int(cores))


class Settings(BaseSettings):
    """Frozen once read; an unknown `FOVEA_*` name is ignored, a bad value is an error that names it."""

    model_config = SettingsConfigDict(
        env_prefix="FOVEA_", env_file=".env", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; the default accepts connections from this machine only."""

    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 lets the system choose."""

    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may be addressed to, also by health checks; by default `localhost` and IP addresses."""

    allowed_origins: tuple[str, ...] = ()
    """Origins whose web pages may call the API from a browser, such as `https://viewer.example`; `*` allows all."""

    frame_ancestors: tuple[str, ...] = ()
    """Origins whose web pages may show the service's pages in a frame, such as `https://pacs.example`."""

    registry: Path = SHIPPED_REGISTRY
    """A TOML file, or a folder of them, that lists the models."""

    registry_watch_seconds: float = Field(0.0, ge=0)
    """Seconds between two checks whether the registry's files have changed; changes are loaded. 0: no checks."""

    data_dir: Path = Path.home() / ".local" / "share" / "fovea"
    """Folder for fetched weights and all other files that the service writes."""

    collections: str | None = None
    """Folder of the collections; by default `collections` in the data folder."""

    engine: Literal["auto", "torch", "openvino"] = "auto"
    """Engine of the feature maps; auto: torch if CUDA is available, else OpenVINO if installed, else torch."""

    precision: Literal["f32", "bf16"] = "f32"
    """Precision of the feature maps; bf16 is used only if it passes the parity check after loading."""

    threads: int = Field(0, ge=0)
    """Threads for one forward pass; 0 takes all cores that this process may use."""

    offline: bool = False
    """Never open an outbound connection, not even to pull weights."""

    auto_pull: bool = False
    """Fetch the weights of a `missing` model when it is first loaded; by default nothing is fetched automatically."""

    weights_mirror: str = ""
    """Base URL of a mirror of the official weight files."""

    feature_cache_mb: int = Field(256, ge=0)
    """MiB of the cache of framed images and feature maps, half each, for repeated requests; 0 disables it."""

    max_image_bytes: int = Field(32 * 2**20, ge=1024)
    """Bytes that one encoded image may have."""

    max_image_pixels: int = Field(64_000_000, ge=1024)
    """Pixels that one image may have, checked before it is decoded."""

    max_images: int = Field(16, ge=1)
    """Images that one request may have."""

    max_json_bytes: int = Field(64 * 2**20, ge=1024)
    """Bytes that a JSON body may have; forms have no limit of their own beside those of their images."""

    batch_size: int = Field(16, ge=1)
    """Images in one forward pass, at most."""

    batch_wait_ms: float = Field(2.0, ge=0)
    """Milliseconds that a batch waits for more images after its first one."""

    max_wait_s: float = Field(2.0, gt=0)
    """Seconds that a new request may be expected to wait for those before it; above, it is refused with 429."""

    queue_size: int = Field(256, ge=1)
    """Images that may wait for one model; further ones are refused with 429, whatever their wait."""

    deadline_s: float = Field(30.0, gt=0)
    """Seconds until a request whose image is still waiting or being computed is answered with 503."""

    receive_seconds: float = Field(10.0, gt=0)
    """Seconds that a request may take to arrive, plus one for each 256 KiB of it; then it is answered with 408."""

    receive_memory_mb: int = Field(1024, ge=1)
    """MiB of request bodies in memory at one time; further ones are refused with 429."""

    drain_seconds: float = Field(1.0, ge=0)
    """Seconds to accept requests after SIGTERM while `/readyz` answers 503, so that load balancers notice first."""

    decode_workers: int = Field(0, ge=0)
    """Decoder processes; 0 takes one per core."""

    decode_seconds: float = Field(10.0, gt=0)
    """Seconds that one image may take to decode before its worker is killed."""

    decode_memory_mb: int = Field(1024, ge=128)
    """MiB that a decoder process may use beyond what it needs to start."""

    @field_validator("allowed_origins", "frame_ancestors")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s?#@*]+", origin):
                raise ValueError(
                    f"{origin!r} is not an origin; write scheme, host and port only, as in https://viewer.example"
                )
        return origins

    @property
    def collections_location(self) -> str:
        """Where collections are stored: an absolute path, or a URL."""
        location = self.collections or str(self.data_dir / "collections")
        return location if "://" in location else str(Path(location).absolute())

    @property
    def jobs_folder(self) -> Path:
        """Folder that keeps the records of jobs: that of the collections, where they are kept in a folder."""
        location = self.collections_location
        return self.data_dir / "collections" if "://" in location else Path(location)

    @cached_property
    def forward_threads(self) -> int:
        """Threads for one forward pass, resolved."""
        return self.threads or available_cores()

    @cached_property
    def decoders(self) -> int:
        """Decoder processes, resolved."""
        return self.decode_workers or available_cores()
