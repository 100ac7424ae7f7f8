"""Audio behind wav.scp: what is read, and each kind of bad audio with its message."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.errors import AudioError
from timbre.kaldi.audio import load, resample
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.excerpts import load_excerpt
from timbre.kaldi.policy import BadAudio, check_skipped
from timbre.kaldi.wave_reader import WaveReader

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def bad_file(folder, kind):
    path = folder / f"{kind}.wav"
    samples = {"zero": np.zeros(RATE), "none": np.zeros(0), "stereo": np.stack([TONE, TONE], axis=1)}.get(
        kind, TONE
    )
    if kind == "nan":
        samples = TONE.copy()
        samples[100] = np.nan
    if kind != "missing":
        soundfile.write(path, samples, RATE, subtype="FLOAT" if kind == "nan" else "PCM_16")
    if kind == "empty":
        path.write_bytes(b"")
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:20000])
    if kind == "noise":
        path.write_bytes(b"this is no audio at all" * 10)
    return str(path)


@pytest.mark.parametrize(
    "kind,reason",
    [
        ("missing", "no such"),
        ("empty", "empty"),
        ("truncated", "19956 of 32000 bytes"),
        ("noise", "readable"),
        ("none", "no samples"),
        ("zero", "16000 samples"),
        ("nan", "sample 100"),
        ("stereo", "2 channels"),
    ],
)
def test_bad_audio_is_refused_by_file_and_reason(tmp_path, kind, reason):
    path = bad_file(tmp_path, kind)
    with refused(f"{path}: ", error=AudioError) as caught:
        load(path)
    assert names(str(caught.value).removeprefix(path), reason)


@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_what_soundfile_reads_is_read(tmp_path, form):
    soundfile.write(tmp_path / f"a.{form}", TONE, RATE)
    samples, rate = load(str(tmp_path / f"a.{form}"))
    assert rate == RATE and samples.dtype == np.float32
    if form != "ogg":
        np.testing.assert_allclose(samples, TONE, atol=1e-4)


def test_commands_run_only_where_allowed(tmp_path):
    soundfile.write(tmp_path / "a.wav", TONE, RATE)
    with refused(f"'touch '{tmp_path}/ran' |'", "--allow-pipes true", error=AudioError):
        load(f"touch '{tmp_path}/ran' |")
    assert not (tmp_path / "ran").exists()
    samples, _ = load(f"cat '{tmp_path}/a.wav' | cat |", allow_pipes=True)
    assert len(samples) == RATE
    with refused("'cat /nowhere.wav | cat |'", "code 1", "cat: /nowhere.wav: ", error=AudioError):
        load("cat /nowhere.wav | cat |", allow_pipes=True)


def reader(folder, allow_resample=False, rate=RATE, **tables):
    for name, text in tables.items():
        (folder / name.replace("_", ".")).write_text(text)
    return WaveReader(DataDir(folder), rate, allow_resample)


def test_segments_cut_recordings(tmp_path):
    soundfile.write(tmp_path / "r.wav", TONE, RATE)
    segments = "a r 0.25 0.5\nb r 0.5 -1\nc r 0.9 1.2\nd r 0.5 2\ne r 1.5 1.8\n"
    waves = reader(tmp_path, wav_scp=f"r {tmp_path}/r.wav\n", segments=segments)
    assert waves.utterances == list("abcde")
    np.testing.assert_allclose(waves.read("a"), TONE[4000:8000], atol=1e-4)
    assert len(waves.read("b")) == 8000
    assert len(waves.read("c")) == 1600  # ends within Kaldi's half second past the recording
    for utterance, segment in (("d", "0.5 to 2.0 s"), ("e", "1.5 to 1.8 s")):
        for read in (waves.read, lambda name: waves.excerpt(name, 10, np.random.default_rng(0))):
            with refused(f"{utterance}: ", "r", segment, "1.000 s", error=AudioError):
                read(utterance)


def test_another_rate_is_refused_or_resampled(tmp_path):
    soundfile.write(tmp_path / "a.wav", TONE[::2], RATE // 2)
    scp = f"a {tmp_path}/a.wav\n"
    wanted = ("8000 Hz", "16000", "features.sample_rate", "features.resample")
    with refused(f"a: {tmp_path}/a.wav: ", *wanted, error=AudioError):
        reader(tmp_path, wav_scp=scp).read("a")
    found = reader(tmp_path, allow_resample=True, wav_scp=scp).read("a")
    assert len(found) == RATE
    np.testing.assert_allclose(found[200:-200], TONE[200:-200], atol=0.02)


def test_speed_changes_tempo_and_pitch(tmp_path):
    soundfile.write(tmp_path / "a.wav", TONE, RATE)
    waves = reader(tmp_path, wav_scp=f"a {tmp_path}/a.wav\n", utt2speed="a 1.1\n")
    samples = waves.read("a")
    assert abs(len(samples) - RATE / 1.1) <= 1
    peak = np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)
    assert peak == pytest.approx(440 * 1.1, rel=0.01)


def ramp(folder, **tables):
    """``r.wav``, a second that rises from 0 to nearly 1: each sample tells its place."""
    samples = np.arange(RATE) / RATE
    soundfile.write(folder / "r.wav", samples, RATE, subtype="FLOAT")
    return samples, reader(folder, wav_scp=f"r {folder}/r.wav\np cat '{folder}/r.wav' |\n", **tables)


def test_an_excerpt_is_a_random_part_of_its_segment(tmp_path):
    samples, waves = ramp(tmp_path, segments="a r 0.25 0.75\nb r 0.5 -1\nc r 0.9 1.2\n")
    places = []
    for seed in range(50):
        part = waves.excerpt("a", 1000, np.random.default_rng(seed))
        places.append(round(part[0] * RATE))
        np.testing.assert_allclose(part, samples[places[-1] :][:1000], atol=1e-6)
    assert 4000 <= min(places) < 5000 and 10000 < max(places) <= 11000
    assert waves.excerpt("b", 99999, np.random.default_rng(0))[0] == 0.5
    assert len(waves.excerpt("c", 99999, np.random.default_rng(0))) == 1600
    np.testing.assert_array_equal(waves.excerpt("a", 99999, np.random.default_rng(0)), waves.read("a"))


def test_an_excerpt_is_played_at_its_speed_and_resampled(tmp_path):
    _, waves = ramp(tmp_path, utt2speed="r 2\n")
    part = waves.excerpt("r", 4000, np.random.default_rng(0))
    assert len(part) == 4000
    assert part[3000] - part[1000] == pytest.approx(4000 / RATE, abs=1e-3)
    part = load_excerpt(f"{tmp_path}/r.wav", RATE // 4, 1000, np.random.default_rng(0))
    assert len(part) == 1000 and part[700] - part[200] == pytest.approx(2000 / RATE, abs=1e-3)


def test_an_excerpt_of_a_command_is_cut_from_all_of_it(tmp_path):
    ramp(tmp_path)
    waves = WaveReader(DataDir(tmp_path), RATE, allow_pipes=True)
    part = waves.excerpt("p", 100, np.random.default_rng(0))
    assert len(part) == 100 and part[99] - part[0] == pytest.approx(99 / RATE, abs=1e-6)


@pytest.mark.parametrize("utterance", ["r", "p"])
def test_an_excerpt_lies_where_something_sounds(tmp_path, utterance):
    ramp(tmp_path)
    samples = np.zeros(RATE)
    samples[9000:9100] = 0.5
    soundfile.write(tmp_path / "r.wav", samples, RATE)
    waves = WaveReader(DataDir(tmp_path), RATE, allow_pipes=True)
    for seed in range(20):
        assert waves.excerpt(utterance, 1000, np.random.default_rng(seed)).max() == 0.5


@pytest.mark.parametrize(
    "kind,reason",
    [("missing", "no such"), ("truncated", "19956 of 32000 bytes"), ("noise", "readable"), ("none", "no samples"),
     ("zero", "16000 samples"), ("nan", "sample 100")],
)  # fmt: skip
def test_a_bad_excerpt_is_refused_by_file_and_reason(tmp_path, kind, reason):
    path = bad_file(tmp_path, kind)
    with refused(f"{path}: ", error=AudioError) as caught:
        load_excerpt(path, RATE, RATE, np.random.default_rng(0))
    assert names(str(caught.value).removeprefix(path), reason)


def test_resampling_coprime_rates_stays_small():
    assert len(resample(TONE, 22050, RATE)) == pytest.approx(RATE * RATE / 22050, abs=1)


def test_skipping_is_counted_and_limited():
    bad = BadAudio("skip")
    for utterance in ("a", "b"):
        with bad.caught(utterance):
            raise AudioError(f"{utterance}: broken")
    assert bad.skipped == {"a": "broken", "b": "broken"}
    check_skipped(bad.skipped, 40, 0.05, "x")
    with refused("2 of 30", "--max-skipped 0.05", "a (broken), b (broken)"):
        check_skipped(bad.skipped, 30, 0.05, "x")
    with refused("a: broken", "--bad-audio skip"), BadAudio("fail").caught("a"):
        raise AudioError("a: broken")
