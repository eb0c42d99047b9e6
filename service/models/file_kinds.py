"""What a file that is no PyTorch checkpoint is instead, by its first bytes, and what to do with it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import WeightsError

HEAD = 1024
"""Bytes that are looked at."""

PACKED = (b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")
"""How files of gzip, bzip2, 7-Zip, RAR and xz begin."""


@dataclass(frozen=True)
class Start:
    """The start of a file. head: its first bytes. members: names in it where it is a zip archive that can be opened."""

    head: bytes
    suffix: str
    members: tuple[str, ...] = ()

    @property
    def zipped(self) -> bool:
        """Whether it begins as a zip archive does."""
        return self.head.startswith(b"PK\x03\x04")

    @property
    def text(self) -> str:
        """Its beginning as text, lower case; empty where it is none."""
        try:
            return self.head.decode().strip().lower()
        except UnicodeDecodeError as error:
            cut = error.start > len(self.head) - 4  # in the middle of a character
            return self.head[: error.start].decode().strip().lower() if cut else ""

    def has(self, *names: str) -> bool:
        """Whether the archive has a member whose path ends like this."""
        return any(member.endswith(names) for member in self.members)


Kind = tuple[Callable[[Start], bool], str]

KINDS: tuple[Kind, ...] = (
    (lambda f: not f.head, "it is empty; fetch it again"),
    (
        lambda f: f.text.startswith("version https://git-lfs"),
        "it is a Git LFS pointer, a note of where the file lies; fetch the file itself with `git lfs pull`",
    ),
    (
        lambda f: f.text.startswith(("<!doctype", "<html", "<?xml", "<head", "<!--")),
        "it is a web page, not the file: the download was refused or wants a confirmation; fetch it in a browser",
    ),
    (
        lambda f: f.has("constants.pkl"),
        "it is a TorchScript archive, which holds code too; where it was made, save the state dict and convert that",
    ),
    (lambda f: f.has("model.weights.h5") or f.head.startswith(b"\x89HDF"), "it is a Keras or HDF5 file, not PyTorch's"),
    (lambda f: f.has(".npy") or f.head.startswith(b"\x93NUMPY"), "it is a NumPy file, not PyTorch's"),
    (
        lambda f: f.zipped and not f.members,
        "it is cut off: a PyTorch file whose end is missing; fetch it again and compare its size",
    ),
    (lambda f: f.zipped and not f.has("data.pkl"), "it is a zip archive of other files; unpack it first"),
    (
        lambda f: f.head.startswith(PACKED) or f.head[257:262] == b"ustar",
        "it is a packed archive; unpack it first",
    ),
    (lambda f: f.head[4:8] == b"TFL3", "it is a TensorFlow Lite file, not PyTorch's"),
    (
        lambda f: f.suffix == ".onnx" or (f.head[:1] == b"\x08" and b"pytorch" in f.head[:64]),
        "it is an ONNX file, a graph without the network's code; convert the checkpoint it was exported from",
    ),
    (lambda f: f.suffix in {".pb", ".index"} or b"saved_model" in f.head, "it is a TensorFlow file, not PyTorch's"),
    (
        lambda f: f.head[8:9] == b"{" and int.from_bytes(f.head[:8], "little") < 2**27,
        "it is a safetensors file already; name it so, .safetensors, and write it into the entry",
    ),
    (lambda f: f.text.startswith(("{", "[")), "it is a JSON text, not weights"),
    (lambda f: f.text.isprintable() and len(f.text) > 3, "it is a text, not weights"),
)  # fmt: skip
"""Whether a file is of a kind, and what is said of it; the first that fits."""


def other_kind(path: Path) -> str:
    """What a file is instead of a PyTorch checkpoint; empty where it may be one. Raises WeightsError."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    start = Start(head, path.suffix.lower(), _members(path))
    return next((words for fits, words in KINDS if fits(start)), "")


def _members(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return ()
