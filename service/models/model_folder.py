"""What a folder of transformers or timm says of its model: the files that `save_pretrained` writes.

Only JSON is read here. No code in the folder is run: a model that brings its own (`auto_map`) is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from service.errors import BadParameter, WeightsError
from service.models.library_frames import BY_HAND, timm_frame, transformers_frame

WEIGHTS = ("model.safetensors", "pytorch_model.bin", "pytorch_model.safetensors")

NO_ARGUMENTS = (
    *("architectures", "id2label", "label2id", "num_labels", "transformers_version", "_name_or_path", "problem_type"),
    *("torch_dtype", "dtype", "model_type", "_attn_implementation_autoset", "attn_implementation", "return_dict"),
    *("output_attentions", "output_hidden_states", "use_cache", "finetuning_task", "tokenizer_class"),
)
"""Fields of a config.json that say nothing of the network, or that the entry says elsewhere."""


@dataclass(frozen=True)
class FolderFacts:
    """weights: the file. fields: of the registry entry, as far as the folder tells.

    unknown: field -> why the folder does not tell it.
    """

    weights: Path
    fields: dict[str, Any]
    unknown: Mapping[str, str]


def read_folder(folder: Path) -> FolderFacts:
    """What a folder says of its model. Raises WeightsError where it has no weights or no config that is known."""
    config = _json(folder / "config.json")
    if config is None:
        raise WeightsError(
            f"{folder.name} has no config.json; name the weights file, or a folder as transformers or timm save it"
        )
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        split = any(folder.glob("*.index.json"))
        more = ": they are split over several files; save the model again with max_shard_size='100GB'" if split else ""
        raise WeightsError(f"{folder.name} has none of {', '.join(WEIGHTS)}{more}")
    if "pretrained_cfg" in config and isinstance(config.get("architecture"), str):
        return _timm(weights, config)
    return _transformers(folder, weights, config)


def _timm(weights: Path, config: dict[str, Any]) -> FolderFacts:
    cfg = config["pretrained_cfg"]
    fields: dict[str, Any] = {"architecture": f"timm:{config['architecture']}"}
    if config.get("model_args"):
        fields["arguments"] = config["model_args"]
    labels = config.get("label_names") or cfg.get("label_names")
    if labels:
        fields["labels"] = list(labels)
    return _with_frame(FolderFacts(weights, fields, {}), lambda: timm_frame(cfg))


def _transformers(folder: Path, weights: Path, config: dict[str, Any]) -> FolderFacts:
    names = config.get("architectures") or []
    if "auto_map" in config:
        raise WeightsError(
            f"{folder.name} brings code of its own (auto_map), which is not run; add it as a network of yours"
        )
    if not names:
        raise WeightsError(f"config.json in {folder.name} names no class under `architectures`: its network is unknown")
    arguments = {name: value for name, value in config.items() if name not in NO_ARGUMENTS and value is not None}
    fields: dict[str, Any] = {"architecture": f"transformers:{names[0]}", "arguments": arguments}
    if config.get("problem_type") == "multi_label_classification":
        fields["activation"] = "sigmoid"
    named, unknown = config.get("id2label") or {}, {}
    labels = [named[key] for key in sorted(named, key=int)]
    if all(label == f"LABEL_{index}" for index, label in enumerate(labels)):
        unknown["labels"] = f"config.json has no names for its {len(labels)} classes; give them in the same order"
    else:
        fields["labels"] = labels
    prepared = _json(folder / "preprocessor_config.json")
    if prepared is None:
        unknown["frame"] = f"there is no preprocessor_config.json; {BY_HAND}"
        return FolderFacts(weights, fields, unknown)
    return _with_frame(FolderFacts(weights, fields, unknown), lambda: transformers_frame(prepared))


def _with_frame(facts: FolderFacts, frame: Callable[[], dict[str, Any]]) -> FolderFacts:
    try:
        return replace(facts, fields=facts.fields | {"frame": frame()})
    except BadParameter as error:
        return replace(facts, unknown={**facts.unknown, "frame": str(error)})


def _json(file: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{file.name} is not a JSON object")
    return content
