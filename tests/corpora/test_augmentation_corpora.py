"""MUSAN and RIRS_NOISES as they unpack."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from messages import refused

from timbre.__main__ import main
from timbre.corpora import musan, rirs_noises
from timbre.kaldi.text import read_table


def write(path, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.ones((160, channels)) / 8, 16000)


@pytest.fixture
def noises(tmp_path):
    root = tmp_path / "musan"
    for name in (
        "music/fma/music-fma-0001",
        "noise/free-sound/noise-free-sound-0000",
        "speech/us-gov/speech-us-gov-0000",
    ):
        write(root / f"{name}.wav")
    (root / "music/fma/ANNOTATIONS").write_text("music-fma-0001 pop N x\n")
    return root


@pytest.fixture
def rooms(tmp_path):
    root = tmp_path / "RIRS_NOISES"
    for size in ("smallroom", "largeroom"):
        write(root / f"simulated_rirs/{size}/Room001/Room001-00001.wav")
    real = root / "real_rirs_isotropic_noises"
    write(real / "air_type1_air_binaural_booth_0_0_1.wav", channels=2)
    write(real / "RVB2014_type1_rir_largeroom1_far_angla.wav")
    write(real / "RVB2014_type1_noise_largeroom1_1.wav")
    names = ("air_type1_air_binaural_booth_0_0_1", "RVB2014_type1_rir_largeroom1_far_angla")
    lines = [
        f"--rir-id 0000{i} --room-id r{i} RIRS_NOISES/real_rirs_isotropic_noises/{name}.wav\n"
        for i, name in enumerate(names)
    ]
    (real / "rir_list").write_text("".join(lines))
    return root


def test_both_become_the_folder_of_sources(noises, rooms, tmp_path):
    out = tmp_path / "augment"
    for kind, root in (("musan", noises), ("rirs_noises", rooms)):
        main(["prepare", "--corpus-kind", kind, "--corpus", str(root), "--out", str(out)])
    assert read_table(out / "noise/wav.scp") == {
        "noise-free-sound-0000": f"{noises}/noise/free-sound/noise-free-sound-0000.wav"
    }
    assert list(read_table(out / "music/utt2spk")) == ["music-fma-0001"]
    assert (out / "speech/wav.scp").exists()
    real = "real-RVB2014_type1_rir_largeroom1_far_angla"  # not that of two channels, not the noise
    assert list(read_table(out / "rirs/utt2spk")) == ["largeroom-Room001-00001", real, "smallroom-Room001-00001"]


def test_other_folders_and_absent_files_are_named(noises, rooms, tmp_path):
    with refused(tmp_path, "music/*/*.wav", "'musan'"):
        musan.prepare(tmp_path)
    with refused(tmp_path, "simulated_rirs", "'RIRS_NOISES'"):
        rirs_noises.prepare(tmp_path)
    (rooms / "real_rirs_isotropic_noises/RVB2014_type1_rir_largeroom1_far_angla.wav").unlink()
    with refused("far_angla.wav", "rir_list"):
        rirs_noises.prepare(rooms)
