"""A model of one language on another: shared emotions alone, made to sum to one; the diagonal; selections."""

from __future__ import annotations

import json

import numpy as np
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.scoring.cross_lingual import score_cross_lingual
from timbre.scoring.posteriors import Posteriors, classes_in_use, restricted, select_posteriors

EN, DE = ("anger", "joy", "sadness"), ("anger", "boredom", "joy")


def data(root, lang: str, emotions: tuple[str, ...], speakers: int = 4) -> DataDir:
    said = {f"{lang}-s{spk}-{emotion}": emotion for spk in range(speakers) for emotion in emotions}
    path = root / lang / "folds/test"
    write_table(path / "utt2emotion", said)
    write_table(path / "utt2spk", {name: name[:5] for name in said})
    return DataDir(path)


def test_only_what_both_know_counts(tmp_path, capsys):
    """An English model that finds everything sad, and anger next, is right of German anger and of no joy."""
    data(tmp_path, "en", EN)
    german = data(tmp_path, "de", DE)
    names = list(german.utt2spk)
    Posteriors(names, list(EN), np.tile(np.float32([0.3, 0.1, 0.6]), (len(names), 1))).write(tmp_path / "xl/en/de")
    main(["score-cross-lingual", "--language=en", "--language=de", str(tmp_path), str(tmp_path / "xl")])
    said = capsys.readouterr().out
    found = json.loads((tmp_path / "xl/cross_lingual.json").read_text())["cells"]
    assert found["de"] == {} and list(found["en"]) == ["de"]
    cell = found["en"]["de"]
    assert cell["classes"] == ["anger", "joy"] and cell["utterances"] == 8 and cell["chance"] == 0.5
    assert (cell["recall"]["value"], cell["accuracy"]["value"]) == (0.5, 0.5)
    assert "| en | – | 50.00; 50.0 of 2 |" in said and "| de | – | – |" in said and "diagonal" not in said
    assert (tmp_path / "xl/cross_lingual.md").read_text() == said


def test_the_diagonal_is_the_languages_own_folds(tmp_path):
    english, german = data(tmp_path, "en", EN), data(tmp_path, "de", DE)
    truth = np.eye(3, dtype=np.float32)[[EN.index(e) for e in english.table("utt2emotion").values()]]
    Posteriors(list(english.utt2spk), list(EN), truth).write(tmp_path / "folds/en/test")
    Posteriors(list(german.utt2spk), list(EN), np.full((12, 3), 1 / 3, np.float32)).write(tmp_path / "xl/en/de")
    found = score_cross_lingual(tmp_path / "xl", tmp_path, ["en", "de"], tmp_path / "folds")["cells"]
    assert found["en"]["en"]["recall"]["value"] == 1 and found["en"]["en"]["classes"] == list(EN)
    assert "*100.00; 33.3 of 3*" in (tmp_path / "xl/cross_lingual.md").read_text()


def test_with_one_shared_emotion_there_is_nothing_to_tell(tmp_path):
    english, french = data(tmp_path, "en", EN), data(tmp_path, "fr", ("joy", "fear"))
    shares = np.full((len(french.utt2spk), 3), 1 / 3, np.float32)
    Posteriors(list(french.utt2spk), list(EN), shares).write(tmp_path / "xl/en/fr")
    cell = score_cross_lingual(tmp_path / "xl", tmp_path, ["en", "fr"])["cells"]["en"]["fr"]
    assert cell["classes"] == ["joy"] and "recall" not in cell and english.utt2spk
    with refused("--language en"):
        score_cross_lingual(tmp_path / "xl", tmp_path, ["en"])
    with refused(tmp_path / "nowhere", "posteriors"):
        score_cross_lingual(tmp_path / "nowhere", tmp_path, ["en", "fr"])


def test_one_language_is_taken_out_of_several(tmp_path):
    german = data(tmp_path, "de", DE)
    utterances = [*german.utt2spk, "en-s0-sadness"]
    matrix = np.zeros((len(utterances), 4), dtype=np.float32)
    matrix[:-1, :3] = [0.2, 0.3, 0.5]
    matrix[-1, 3] = 1
    Posteriors(utterances, [*DE, "sadness"], matrix).write(tmp_path / "exp")
    said = select_posteriors(tmp_path / "exp", german, tmp_path / "out")
    found = Posteriors.read(tmp_path / "out")
    assert found.classes == list(DE) and found.utterances == sorted(german.utt2spk)
    np.testing.assert_allclose(found.matrix, np.tile([0.2, 0.3, 0.5], (12, 1)), rtol=1e-6)
    assert names(said, tmp_path / "out", "12 utterances", "3 classes of 4")
    # A class that the tested part does not show is still one that the language has.
    assert classes_in_use(Posteriors.read(tmp_path / "exp"), ["de-s0-joy"]) == set(DE)


def test_restriction_divides_by_the_sum_and_refuses_certainty_of_others():
    whole = Posteriors(["a", "b"], ["x", "y", "z"], np.float32([[0.1, 0.3, 0.6], [0, 0, 1]]))
    found = restricted(whole, ["a"], ["y", "x"])
    assert found.classes == ["x", "y"]
    np.testing.assert_allclose(found.matrix, [[0.25, 0.75]], rtol=1e-6)
    with refused("'b'", "x, y"):
        restricted(whole, ["a", "b"], ["x", "y"])
    with refused("(c)", "stage 3"):
        restricted(whole, ["a", "c"], ["x", "y"])
