"""The table of formats: suffixes of files agree with what their content is read as."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from service.images.formats.table import FORMATS, SUFFIXES, sniff

SAMPLES = sorted(path for path in (Path(__file__).parent.parent / "files").iterdir() if path.suffix != ".md")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_samples_suffix_belongs_to_the_format_of_its_content(path: Path) -> None:
    assert path.suffix in FORMATS[sniff(path.read_bytes())].suffixes


def test_no_suffix_belongs_to_two_formats() -> None:
    assert len(SUFFIXES) == sum(len(known.suffixes) for known in FORMATS.values())


def test_the_viewer_offers_files_that_browsers_do_not_know_as_images() -> None:
    page = files("service.api.page").joinpath("index.html").read_text()
    (accepted,) = re.findall(r'id="chooser" accept="([^"]+)"', page)
    newer = {suffix for name in ("TIFF", "AVIF", "HEIF", "JPEG 2000", "JPEG XL") for suffix in FORMATS[name].suffixes}
    assert newer <= set(accepted.split(","))
