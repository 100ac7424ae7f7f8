"""``front_end.yaml``: features of another front-end are told from those of one with fewer keys."""

from __future__ import annotations

from types import SimpleNamespace

from messages import refused

from timbre.features import fbank
from timbre.features.front_end import InputConf
from timbre.features.front_end_file import require_front_end, write_front_end


def test_a_key_that_is_newer_than_the_file_has_its_default(tmp_path) -> None:
    file, data = tmp_path / "front_end.yaml", SimpleNamespace(path=tmp_path)
    write_front_end(file, fbank.Conf(), InputConf())
    text = file.read_text()
    assert "scale: int16" in text
    file.write_text("".join(line for line in text.splitlines(keepends=True) if "scale" not in line))
    require_front_end(data, fbank.Conf(), InputConf())
    with refused("features.scale int16, not unit", "steps/make_feats.sh"):
        require_front_end(data, fbank.Conf(scale="unit"), InputConf())
