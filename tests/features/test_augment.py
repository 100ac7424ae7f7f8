"""Augmentation: as loud as asked, level and delay unchanged, the own speaker never in the babble."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.conf import build
from timbre.corpora.acoustics import active_level
from timbre.errors import AudioError
from timbre.features.augment import AugmentConf, Augmenter
from timbre.features.sources import chords, unsteady_noise
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.kaldi.wave_reader import WaveReader

RATE = 16000
KINDS = ("reverberation", "noise", "music", "babble", "telephone")
ADDITIVE = ("noise", "music", "babble")
PERSONS = {f"{prefix}s{n}-{k}": f"s{n}" for prefix in ("", "sp0.9-") for n in range(9) for k in range(2)}


class MadeReader:
    """Notes whom it is asked for; the utterances in ``bad`` cannot be read."""

    def __init__(self, bad=()):
        self.asked, self.bad = [], set(bad)

    def excerpt(self, utterance, length, rng):
        if utterance in self.bad:
            raise AudioError(f"{utterance}: truncated")
        self.asked.append(utterance)
        return 0.1 * rng.standard_normal(min(length, RATE)).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def speech():
    """Bursts of noise at two thirds of the time, -20 dB while active."""
    samples = 0.1 * rng().standard_normal(2 * RATE + 1).astype(np.float32)
    return samples * (np.arange(len(samples)) // (RATE // 4) % 3 != 0)


@pytest.fixture
def folder(tmp_path):
    """``folder(noise=samples, rate=…)`` writes data directories of one recording each under ``sources``."""

    def write(rate=RATE, **sources):
        for name, samples in sources.items():
            path = tmp_path / "sources" / name
            path.mkdir(parents=True)
            soundfile.write(path / "a.wav", samples, rate, subtype="FLOAT")
            write_table(path / "wav.scp", {"a": path / "a.wav"})
        return tmp_path / "sources"

    return write


def augmenter(reader=None, sources=None, **conf):
    conf = build(AugmentConf, {"kinds": KINDS, "probability": 1, **conf})
    return Augmenter(conf, reader or MadeReader(), PERSONS, RATE, sources)


def noise_level(samples, noisy):
    return 10 * np.log10(np.mean((noisy.astype(np.float64) - samples) ** 2))


def delay(samples, wet):
    spectrum = np.fft.rfft(wet, 2 * len(wet)) * np.conj(np.fft.rfft(samples, 2 * len(wet)))
    return int(np.fft.irfft(spectrum).argmax())


@pytest.mark.parametrize("kind", KINDS)
def test_length_and_type_stay_and_the_generator_decides_all(speech, kind):
    augment = augmenter()
    one, same, other = (augment.apply(kind, "s0-0", speech, rng(seed)) for seed in (1, 1, 2))
    assert one.shape == speech.shape and one.dtype == np.float32
    assert np.array_equal(one, same)
    assert not np.allclose(one, other, atol=1e-4) and not np.allclose(one, speech, atol=1e-4)
    assert np.array_equal(pickle.loads(pickle.dumps(augment)).apply(kind, "s0-0", speech, rng(1)), one)


@pytest.mark.parametrize("kind", ADDITIVE)
@pytest.mark.parametrize("snr", [0, 13.5])
def test_active_speech_is_as_far_above_what_is_added_as_asked(speech, folder, kind, snr):
    made = 3 * rng(5).standard_normal(8 * RATE)
    for sources in (None, folder(noise=made, music=made, speech=made)):
        augment = augmenter(sources=sources, babble_speakers=[4, 4], **{f"{kind}_snr": [snr, snr]})
        noisy = augment.apply(kind, "s0-0", speech, rng())
        each = 10 * np.log10(4) if kind == "babble" else 0  # the span is that of each talker
        assert active_level(speech, RATE) - noise_level(speech, noisy) == pytest.approx(snr - each, abs=0.2)


@pytest.mark.parametrize("kind", [*ADDITIVE, "reverberation"])
def test_level_is_no_cue(speech, kind):
    """What is loud stays loud: nothing is scaled to a peak, and beyond 1 nothing is clipped."""
    augment = augmenter()
    soft, loud = (augment.apply(kind, "s0-0", samples, rng()) for samples in (speech, 16 * speech))
    np.testing.assert_allclose(loud, 16 * soft, atol=1e-4)
    assert np.abs(loud).max() > 2


def test_reverberation_keeps_level_and_does_not_delay(speech, folder):
    measured = np.zeros((RATE // 2, 2))  # at 8 kHz: the direct sound after 0.1 s, and its tail
    measured[800, 0] = 0.01
    measured[820:, 0] = 0.001 * rng(3).standard_normal(RATE // 2 - 820) * np.exp(-np.arange(RATE // 2 - 820) / 500)
    measured[:, 1] = 1  # a second channel, which is not taken
    for sources in (None, folder(rirs=measured, rate=8000)):
        wet = augmenter(sources=sources).apply("reverberation", "s0-0", speech, rng())
        assert active_level(wet, RATE) == pytest.approx(active_level(speech, RATE), abs=0.01)
        assert delay(speech, wet) == 0
        assert 0.3 < np.corrcoef(speech, wet)[0, 1] < 0.99


def test_babble_is_of_several_other_persons(speech):
    reader = MadeReader()
    augment = augmenter(reader)
    counts, heard = [], set()
    for seed in range(100):
        reader.asked = []
        augment.apply("babble", "sp0.9-s3-1", speech[:2000], rng(seed))
        persons = [PERSONS[utterance] for utterance in reader.asked]
        assert "s3" not in persons and len(set(persons)) == len(persons)
        counts.append(len(persons))
        heard |= set(persons)
    assert set(counts) == {3, 4, 5, 6, 7} and len(heard) == 8


def test_a_talker_who_cannot_be_read_is_replaced_and_named(speech, caplog):
    bad = {utterance for utterance in PERSONS if PERSONS[utterance] == "s1"}
    for seed in range(3):  # one of eight others is left out, who may not have been asked at all
        reader = MadeReader(bad)
        augmenter(reader, babble_speakers=[7, 7]).apply("babble", "s0-0", speech[:2000], rng(seed))
        assert len({PERSONS[utterance] for utterance in reader.asked} - {"s0", "s1"}) == 7
    assert names(caplog.text, "s1-", "truncated")
    bad |= {utterance for utterance in PERSONS if PERSONS[utterance] == "s2"}
    with refused("s0-0: babble: ", "6 of 7"):
        augmenter(MadeReader(bad), babble_speakers=[7, 7]).apply("babble", "s0-0", speech, rng())


def test_telephone_is_narrow_and_no_louder():
    time = np.arange(2 * RATE) / RATE
    augment = augmenter()
    white = 0.1 * rng().standard_normal(2 * RATE).astype(np.float32)
    power = np.abs(np.fft.rfft(augment.apply("telephone", "a", white, rng()))) ** 2
    hertz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    assert power[hertz > 4000].sum() < 1e-4 * power.sum()
    gains = {}
    for tone in (60, 1000, 3000):
        samples = (0.2 * np.sin(2 * np.pi * tone * time)).astype(np.float32)
        gains[tone] = active_level(augment.apply("telephone", "a", samples, rng()), RATE) - active_level(
            samples, RATE
        )
    assert gains[60] < -20 and abs(gains[1000]) < 0.3 and abs(gains[3000]) < 0.3
    loud = (3 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    assert np.abs(augment.apply("telephone", "a", loud, rng())).max() == pytest.approx(3, rel=0.05)


def test_short_recordings_repeat_and_of_long_ones_a_random_part_is_heard(speech, folder):
    short = rng(1).standard_normal(3000)
    augment = augmenter(sources=folder(noise=short, music=rng(2).standard_normal(20 * RATE)))
    added = augment.apply("noise", "a", speech, rng()) - speech
    np.testing.assert_allclose(added[3000:6000], added[:3000], atol=1e-5)
    one, other = (augment.apply("music", "a", speech, rng(seed)) - speech for seed in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_probability_is_the_share_of_augmented_crops(speech):
    samples = speech[5000:5400]
    augment = augmenter(kinds=["noise"], probability=0.6)
    changed = sum(augment("s0-0", samples, rng(seed)) is not samples for seed in range(400))
    assert 0.52 < changed / 400 < 0.68
    assert augmenter(kinds=[])("s0-0", samples, rng()) is samples


def test_silence_stays_finite():
    for kind in KINDS:
        assert np.isfinite(augmenter().apply(kind, "s0-0", np.zeros(RATE, np.float32), rng())).all()
        assert np.isfinite(augmenter().apply(kind, "s0-0", np.full(1, 0.1, np.float32), rng())).all()


def test_sounds_made_here():
    noise, music = unsteady_noise(10 * RATE, RATE, rng()), chords(10 * RATE, RATE, rng())
    levels = 10 * np.log10(np.square(noise).reshape(-1, RATE // 10).mean(axis=1))
    assert np.std(levels) > 4
    strongest = []
    for samples in (music, rng().standard_normal(len(music))):
        power = np.sort(np.abs(np.fft.rfft(samples)) ** 2)[::-1]
        strongest.append(power[: len(power) // 50].sum() / power.sum())  # share of a fiftieth of the spectrum
    assert strongest[0] > 0.7 and strongest[1] < 0.15


def test_sources_are_logged(folder, caplog):
    caplog.set_level("INFO")
    sources = folder(noise=np.ones(100))
    augmenter(sources=sources)
    assert names(caplog.text, "noise: 1 ", sources / "noise", "babble: ")


@pytest.mark.parametrize("name,kind", [("noise", "noise"), ("rirs", "reverberation")])
def test_silent_recordings_are_refused_by_file(speech, folder, name, kind):
    augment = augmenter(sources=folder(**{name: np.zeros(5000)}))
    with refused(f"s0-0: {kind}: ", f"{name}/a.wav: ", "5000 samples"):
        augment.apply(kind, "s0-0", speech, rng())


def test_refusals(tmp_path, folder):
    with refused("augment.kinds: ", "['noise', 'noise']"):
        build(AugmentConf, {"kinds": ["noise", "noise"]}, "augment.")
    with refused("noise_snr: ", "[15, 0]"):
        build(AugmentConf, {"noise_snr": [15, 0]})
    with refused("babble", "10 speakers", "have 9", "--set augment.babble_speakers=[3,8]"):
        augmenter(babble_speakers=[3, 9])
    with refused("x: babble: ", "utt2spk"):
        augmenter().apply("babble", "x", np.ones(800, np.float32), rng())
    with refused("noise, music, speech, rirs", tmp_path):
        augmenter(sources=tmp_path)
    scp = folder(noise=np.ones(100)) / "noise" / "wav.scp"
    scp.write_text("a sox a.flac -t wav - |\n")
    with refused("noise/wav.scp: ", "'sox a.flac -t wav - |'", "wav or flac"):
        augmenter(sources=tmp_path / "sources")
    scp.write_text("")
    with refused("noise/wav.scp: ", f"remove {scp.parent}"):
        augmenter(sources=tmp_path / "sources")
    scp.write_text(f"a {tmp_path}/gone.wav\n")
    with refused("s0-0: noise: ", "/gone.wav: "):
        augmenter(sources=tmp_path / "sources").apply("noise", "s0-0", np.ones(800, np.float32), rng())


def test_real_readers_serve(speech, tmp_path):
    for number in range(9):
        soundfile.write(tmp_path / f"s{number}.wav", np.roll(speech, number), RATE)
    utterances = {f"s{number}-0": tmp_path / f"s{number}.wav" for number in range(9)}
    write_table(tmp_path / "wav.scp", utterances)
    persons = {utterance: utterance[:2] for utterance in utterances}
    augment = Augmenter(AugmentConf(kinds=KINDS), WaveReader(DataDir(tmp_path), RATE), persons, RATE)
    assert not np.allclose(augment.apply("babble", "s0-0", speech, rng()), speech)
