"""Augmented data directories: the same from any jobs, resumable, valid, refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.features.augment import AugmentConf
from timbre.features.augment_data import collect_copies, made_of, write_copies
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.perturb import add_speed_copies, utt2person
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.validate import validate
from timbre.kaldi.wave_reader import WaveReader

RATE = 8000
CONF = AugmentConf(kinds=("noise", "babble", "reverberation"), babble_speakers=(2, 3))


def make(path, waves, segments=None, **tables):
    """A data directory of ``{id: samples}``."""
    for name, samples in waves.items():
        path.mkdir(parents=True, exist_ok=True)
        soundfile.write(path / f"{name}.wav", samples, RATE, subtype="PCM_16")
    write_table(path / "wav.scp", {name: path / f"{name}.wav" for name in waves})
    if segments:
        write_table(path / "segments", segments)
    utt2spk = {utt: utt.split("-")[0] for utt in segments or waves}
    tables |= {"utt2spk": utt2spk, "spk2utt": {spk: " ".join(utts) for spk, utts in invert(utt2spk).items()}}
    for name, table in tables.items():
        write_table(path / name, table)
    return DataDir(path)


@pytest.fixture
def data(tmp_path):
    """Four speakers with two utterances each, loud ones, and labels of every kind."""
    rng = np.random.default_rng(0)
    waves = {
        f"s{n}-{k}": np.clip(0.4 * rng.standard_normal(RATE // 2 + n), -0.97, 0.97) for n in range(4) for k in "01"
    }
    label, level = dict.fromkeys(waves, "x"), dict.fromkeys(waves, "-20")
    duration = {utt: f"{len(samples) / RATE:.4f}" for utt, samples in waves.items()}
    speakers = dict.fromkeys(("s0", "s1", "s2", "s3"), "m")
    tables = {"text": label, "utt2lang": label, "utt2dur": duration, "reco2dur": duration, "spk2gender": speakers}
    return make(tmp_path / "data", waves, **tables, **{"vad.scp": label, "utt2level": level, "utt2audio": label})


def run(data, out, jobs=1, conf=CONF, bad_audio="fail", max_skipped=0.0):
    for job in range(1, jobs + 1):
        write_copies(data, made_of(data, conf, RATE, ""), out, job, jobs, bad_audio=bad_audio)
    return collect_copies(data, out, jobs, max_skipped)


def files(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted((out / "wav").glob("*/*/*.wav"))}


def test_jobs_divide_the_work_and_change_nothing(data, tmp_path):
    said = run(data, tmp_path / "a")
    assert names(said, tmp_path / "a", "8 utterances", "24 copies", "noise, babble, reverberation")
    run(data, tmp_path / "b", jobs=3)
    assert len(files(tmp_path / "a")) == 24
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert (tmp_path / "a/utt2uniq").read_bytes() == (tmp_path / "b/utt2uniq").read_bytes()


def test_the_directory_is_valid_and_whole(data, tmp_path):
    run(data, tmp_path / "out", jobs=2)
    out = DataDir(tmp_path / "out")
    assert validate(out.path, feats=False) == []
    assert len(out.utt2spk) == 32 and out.utt2spk["s1-0-noise"] == "s1"
    uniq = out.table("utt2uniq")
    assert uniq["s1-0-noise"] == uniq["s1-0"] == "s1-0"
    assert not any(out.has(name) for name in ("vad.scp", "utt2level", "utt2audio"))  # they are other waveforms
    assert out.table("utt2lang")["s3-1-babble"] == "x"
    assert out.table("utt2dur")["s3-1-babble"] == data.table("utt2dur")["s3-1"]
    reader = WaveReader(out, RATE)
    for utt, original in uniq.items():
        samples = reader.read(utt)
        assert len(samples) == len(reader.read(original)) and np.abs(samples).max() < 1
    assert out.table("wav.scp")["s1-0"] == data.table("wav.scp")["s1-0"]


def test_what_would_clip_is_softer_as_a_whole(data, tmp_path, caplog):
    caplog.set_level("INFO")
    run(data, tmp_path / "out", conf=AugmentConf(kinds=("noise",), noise_snr=(0, 0)))
    assert names(caplog.text, "s0-0-noise: ", "dB softer")
    reader = WaveReader(DataDir(tmp_path / "out"), RATE)
    original, copy = reader.read("s0-0"), reader.read("s0-0-noise")
    assert 0.97 < np.abs(copy).max() <= 0.981  # to one of 16-bit's steps
    gain = original @ copy / (original @ original)
    assert 10 * np.log10(np.sum((gain * original) ** 2) / np.sum((copy - gain * original) ** 2)) == pytest.approx(
        0, abs=0.5
    )


def test_what_is_there_is_kept_and_what_is_missing_is_made_again(data, tmp_path):
    out = tmp_path / "out"
    run(data, out)
    before, kept = files(out), out / "wav/noise/s0/s0-1-noise.wav"
    times = kept.stat().st_mtime_ns, (out / "wav.scp").stat().st_mtime_ns
    (out / "wav/babble/s0/s0-1-babble.wav").unlink()
    with refused("/out/wav: ", "24 files", "missing 1", "s0-1-babble.wav"):
        collect_copies(data, out, 1, 0.0)
    run(data, out, jobs=2)
    assert files(out) == before
    assert (kept.stat().st_mtime_ns, (out / "wav.scp").stat().st_mtime_ns) == times, "features of it stay newer"


def test_a_job_that_did_not_run_is_missed(data, tmp_path):
    write_copies(data, made_of(data, CONF, RATE, ""), tmp_path / "out", 1, 2)
    (tmp_path / "out/jobs/utt2dur.2").touch()
    (tmp_path / "out/jobs/skipped.2").touch()
    with refused("8 utterances", "utt2dur", "wrote 4", "s2-0, s2-1, s3-0, s3-1"):
        collect_copies(data, tmp_path / "out", 2, 0.0)
    assert not (tmp_path / "out/wav.scp").exists()


def test_segments_give_copies_recordings_of_their_own(tmp_path):
    recording = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE)
    cuts = {f"s{n}-0": f"r {n} {n + 0.75}" for n in range(4)}
    data = make(tmp_path / "data", {"r": recording}, cuts, reco2dur={"r": "5"})
    run(data, tmp_path / "out")
    out = DataDir(tmp_path / "out")
    assert out.table("segments")["s2-0-noise"] == "s2-0-noise 0 0.750000"
    assert out.table("segments")["s2-0"] == cuts["s2-0"]
    assert out.table("reco2dur") == {"r": "5"} | {
        f"s{n}-0-{kind}": "0.750000" for n in range(4) for kind in CONF.kinds
    }
    assert len(WaveReader(out, RATE).read("s2-0-noise")) == 0.75 * RATE


def test_speed_copies_of_copies_are_copies_of_the_original(data, tmp_path):
    run(data, tmp_path / "noisy")
    add_speed_copies(DataDir(tmp_path / "noisy"), [0.9], tmp_path / "both")
    both = DataDir(tmp_path / "both")
    validate(both.path, feats=False)
    uniq, person = both.table("utt2uniq"), utt2person(both)
    assert {uniq[utt] for utt in ("s1-0", "s1-0-noise", "sp0.9-s1-0", "sp0.9-s1-0-noise")} == {"s1-0"}
    assert person["sp0.9-s1-0-noise"] == person["s1-0"] == "s1" and set(person.values()) == {"s0", "s1", "s2", "s3"}
    assert both.utt2spk["sp0.9-s1-0-noise"] == "sp0.9-s1"
    assert not both.has("utt2dur") and both.table("text")["sp0.9-s1-0-noise"] == "x"


def test_copies_of_speed_copies_are_not_played_faster_twice(data, tmp_path):
    add_speed_copies(data, [2.0], tmp_path / "fast")
    run(DataDir(tmp_path / "fast"), tmp_path / "both")
    both = DataDir(tmp_path / "both")
    assert both.table("utt2uniq")["sp2-s1-0-noise"] == "s1-0"
    reader = WaveReader(both, RATE)
    assert len(reader.read("sp2-s1-0-noise")) == len(reader.read("sp2-s1-0")) < 0.6 * len(reader.read("s1-0"))


def test_bad_audio_fails_or_is_left_out_with_its_copies(data, tmp_path):
    path = tmp_path / "data/s1-0.wav"
    path.write_bytes(path.read_bytes()[:2000])
    with refused("s1-0: ", f"{path}: ", "1956 of 8002 bytes", "--bad-audio skip"):
        run(data, tmp_path / "fails")
    with refused("1 of 8", "--max-skipped 0.05", "s1-0", "out/augment.skipped"):
        run(data, tmp_path / "out", bad_audio="skip", max_skipped=0.05)
    assert names(run(data, tmp_path / "out", bad_audio="skip", max_skipped=0.2), "1 skipped")
    out = DataDir(tmp_path / "out")
    validate(out.path, feats=False)
    assert len(out.utt2spk) == 28 and not any(utt.startswith("s1-0") for utt in out.utt2spk)
    assert names(read_table(tmp_path / "out/augment.skipped")["s1-0"], path, "1956 of 8002")


def test_no_utterance_is_left_out_for_a_bad_recording_of_noise(data, tmp_path):
    noise = tmp_path / "sources/noise"
    write_table(noise / "wav.scp", {"hiss": noise / "hiss.wav"})
    (noise / "hiss.wav").write_bytes((tmp_path / "data/s1-0.wav").read_bytes()[:2000])
    made = made_of(data, AugmentConf(kinds=("noise",)), RATE, str(tmp_path / "sources"))
    with refused(noise / "hiss.wav", "1956 of 8002 bytes", noise / "wav.scp"):
        write_copies(data, made, tmp_path / "out", 1, 1, bad_audio="skip")


def test_refusals(data, tmp_path, capsys):
    out = tmp_path / "out"
    with refused("--set augment.kinds="):
        run(data, out, conf=AugmentConf())
    with refused("3 of 2"):
        write_copies(data, made_of(data, CONF, RATE, ""), out, 3, 2)
    with refused("/data: ", "same"):
        run(data, data.path)
    run(data, out)
    with refused(out, out / "augment.yaml", "remove"):
        run(data, out, conf=AugmentConf(kinds=("noise",)))
    with refused("/out ", "s0-0-noise, s0-0-babble"):
        run(DataDir(out), tmp_path / "twice")
    data.write("utt2spk", dict.fromkeys(data.utt2spk, "s0"))
    with refused("/out ", out / "augment.yaml", "remove"):
        run(data, out)


def test_commands(data, tmp_path, capsys):
    conf, out = tmp_path / "conf.yaml", str(tmp_path / "out")
    conf.write_text("features: {kind: mfcc, sample_rate: 8000}\naugment: {kinds: [noise], noise_snr: [5, 5]}\n")
    main(["augment-data", "--conf", str(conf), "--set", "augment={kinds: [telephone]}", str(data.path), out])
    main(["collect-augmented-data", "--jobs", "1", str(data.path), out])
    assert names(capsys.readouterr().out, "8 utterances", "8 copies", "telephone")
    with pytest.raises(SystemExit):
        main(["augment-data", "--conf", str(conf), "--set", "augment.kinds=[nose]", str(data.path), out])
    assert names(capsys.readouterr().err, "augment.kinds.0: ", "'reverberation', 'noise'", "'nose'")
