"""Trial lists with known answers."""

from __future__ import annotations

import hashlib

import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora import trials as module
from timbre.corpora.trials import draw, draw_enrolment, make_model_trials, make_trials
from timbre.kaldi.datadir import DataDir


def directory(path, counts: dict[str, int], genders: dict[str, str] | None = None) -> DataDir:
    data = DataDir(path)
    data.write("utt2spk", {f"{spk}-{i}": spk for spk, count in counts.items() for i in range(count)})
    if genders:
        data.write("spk2gender", genders)
    return data


def rows(trials) -> list[tuple[str, str, bool]]:
    return list(zip(trials.enrol.tolist(), trials.test.tolist(), trials.target.tolist(), strict=True))


def test_all_pairs(tmp_path):
    assert rows(make_trials(directory(tmp_path, {"b": 1, "a": 2}))) == [
        ("a-0", "a-1", True),
        ("a-0", "b-0", False),
        ("a-1", "b-0", False),
    ]


def test_same_gender(tmp_path):
    data = directory(tmp_path, {"a": 2, "b": 2, "c": 2}, {"a": "f", "b": "f", "c": "m"})
    pairs = rows(make_trials(data, same_gender=True))
    assert len(pairs) == 6 + 1
    assert not any({"a", "c"} == {one[0], other[0]} for one, other, _ in pairs)


def test_balanced_is_seeded_and_balanced(tmp_path):
    data = directory(tmp_path, dict.fromkeys("abcde", 4))
    one, same, other = (rows(make_trials(data, "balanced", seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert len(set(one)) == 60
    assert sum(target for *_, target in one) == 30
    assert set(one) < set(rows(make_trials(data)))


def test_balanced_thins_the_targets_where_they_are_more(tmp_path):
    pairs = rows(make_trials(directory(tmp_path, {"a": 9, "b": 1}), "balanced"))
    assert sum(target for *_, target in pairs) == 9
    assert len(pairs) == 18


@pytest.mark.parametrize(
    ("counts", "genders", "options", "wanted"),
    [
        ({"a": 1, "b": 1}, None, {}, (" target", "2 utterances")),
        ({"a": 3}, None, {}, ("nontarget", "3 utterances")),
        ({"a": 2, "b": 2}, {"a": "f", "b": "m"}, {"same_gender": True}, ("nontarget", "gender")),
        ({"a": 2, "b": 2}, {"a": "f"}, {"same_gender": True}, ("spk2gender", " b;")),
    ],
)
def test_impossible_lists_are_refused(tmp_path, counts, genders, options, wanted):
    with refused(tmp_path, *wanted):
        make_trials(directory(tmp_path, counts, genders), **options)


def test_a_list_too_long_to_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_PAIRS", 9)
    with refused("5 utterances", "9 pairs", "subset"):
        make_trials(directory(tmp_path, {"a": 5}))


def test_models_against_what_enrols_none(tmp_path):
    data = directory(tmp_path, {"a": 2, "b": 2, "c": 1}, {"a": "f", "b": "f", "c": "m"})
    trials = make_model_trials(data, {"b": ["b-0"], "a": ["a-0"]})
    expected = [("a", "a-1", True), ("a", "b-1", False), ("a", "c-0", False)]
    expected += [("b", "a-1", False), ("b", "b-1", True), ("b", "c-0", False)]
    assert rows(trials) == expected
    same = make_model_trials(data, {"b": ["b-0"], "a": ["a-0"]}, same_gender=True)
    assert rows(same) == [row for row in expected if row[1] != "c-0"]


def test_models_without_targets_are_refused(tmp_path):
    data = directory(tmp_path, {"a": 1, "b": 1})
    with refused(" target", "2 utterances"):
        make_model_trials(data, {"a": ["a-0"]})


def test_what_is_drawn_depends_on_names_and_seed_alone():
    names = [f"u{i}" for i in range(50)]
    first = draw(names, 10, 1)
    assert first == draw(names[::-1], 10, 1) == sorted(first)
    assert first != draw(names, 10, 2)
    assert set(draw(names, 5, 1)) < set(first)
    assert draw(names, 99, 1) == sorted(names)


def test_enrolment_leaves_utterances_to_test():
    utt2spk = {f"{spk}-{i}": spk for spk in "ab" for i in range(4)}
    enrol = draw_enrolment(utt2spk, 3, 1)
    assert {spk: {utt2spk[utt] for utt in utts} for spk, utts in enrol.items()} == {"a": {"a"}, "b": {"b"}}
    assert all(len(utts) == 3 for utts in enrol.values())
    with refused("a, b", "4 utterances"):
        draw_enrolment(utt2spk, 4, 1)


def test_command_writes_the_list_and_prints_its_sha256(tmp_path, capsys):
    directory(tmp_path, {"a": 2, "b": 1})
    main(["make-trials", "--data", str(tmp_path)])
    data = (tmp_path / "trials").read_bytes()
    assert data == b"a-0 a-1 target\na-0 b-0 nontarget\na-1 b-0 nontarget\n"
    assert names(capsys.readouterr().out, "1 target", "2 nontarget", hashlib.sha256(data).hexdigest())
