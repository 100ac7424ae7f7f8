"""Tables of results: every figure of its list, in order, ours told from others'; prose around them stays."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from messages import names, refused
from model_states import model_state

from timbre.__main__ import main
from timbre.features.tensors import save_tensors
from timbre.report.results import markers, minutes, parameters, results, write_results

BEGIN, END = markers("results")
SHA = {"": "a" * 64, "O": "b" * 64}
LOG = """2026-01-01 10:00:00 8 speakers, 32 utterances to train on; held out: 2 speakers, 8 utterances; fp32 on cpu
2026-01-01 10:02:30 epoch 1  step 4  loss 2.1
2026-01-01 12:00:00 8 speakers, 32 utterances to train on; held out: 2 speakers, 8 utterances; fp32 on cpu
2026-01-01 12:00:01 resumed at epoch 2, batch 1
2026-01-01 12:01:00 EER of the 2 held-out training speakers 3.00 %; wrote final.pt
"""


def measures(eer: float) -> dict:
    bounds = {"low": eer / 2, "high": 2 * eer}
    return {"eer": {"value": eer, **bounds}, **{f"min_dcf_{p}": {"value": 0.5, **bounds} for p in ("0.01", "0.05")}}


def write_metrics(folder, systems: dict[str, float], part: str = "") -> None:
    """``metrics.json`` with these EERs, on the list of that name."""
    trials = {"sha256": SHA[part], "count": 12345, "targets": 1000, "nontargets": 11345, "speakers": 40}
    found = {
        "data": "data/test",
        "trials": trials,
        "systems": {name: measures(eer) for name, eer in systems.items()},
    }
    (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / part / "metrics.json").write_text(json.dumps(found))


@pytest.fixture
def exps(tmp_path):
    """Two experiments with a list each has, a baseline in common, and further ones of the first alone."""
    for name, eer in (("worse", 0.08), ("better", 0.0423)):
        write_metrics(tmp_path / name, {name: eer, "untrained baseline": 0.2})
    write_metrics(tmp_path / "better", {"better": 0.03, "plda|x": 0.02}, part="O")
    encoder = {
        "conv.weight": torch.zeros(500, 300),
        "bn.weight": torch.zeros(1000),
        "bn.running_mean": torch.zeros(1000),
    }
    encoder |= {"bn.running_var": torch.zeros(1000), "bn.num_batches_tracked": torch.tensor(3)}
    save_tensors(tmp_path / "better" / "final.pt", model_state(encoder=encoder))
    (tmp_path / "better" / "train.log").write_text(LOG)
    return [tmp_path / "worse", tmp_path / "better"]


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_experiments_stand_in_order_and_what_is_not_known_is_a_dash(exps, tmp_path):
    write_metrics(tmp_path / "worse", {"worse": 0.08, "untrained baseline": 0.2})
    (tmp_path / "better/O/metrics.json").unlink()
    text = results(exps)
    assert rows(text)[2:] == [
        ["`better`", "4.23 [2.11, 8.46]", "0.500 [0.021, 0.085]", "0.500 [0.021, 0.085]", "0.15", "3.5"],
        ["`worse`", "8.00 [4.00, 16.00]", "0.500 [0.040, 0.160]", "0.500 [0.040, 0.160]", "–", "–"],
        ["untrained baseline", "20.00 [10.00, 40.00]", "0.500 [0.100, 0.400]", "0.500 [0.100, 0.400]", "–", "–"],
    ]
    assert "12,345 trials (1,000 targets) of 40 speakers" in text and SHA[""] in text and "###" not in text


def test_parameters_are_no_statistics_and_minutes_no_pauses(exps):
    assert parameters(exps[1]) == 151_000
    assert minutes(exps[1]) == 3.5
    assert parameters(exps[0]) is None and minutes(exps[0]) is None
    (exps[0] / "train.log").write_text("2026-01-01 10:00:00 something else\n")
    assert minutes(exps[0]) is None


def test_a_table_for_each_list_with_published_figures_marked(exps, tmp_path):
    (tmp_path / "published.yaml").write_text(
        "- {system: Theirs, list: O, eer: 0.87, min_dcf: 0.107, source: 'Paper, table 2'}\n"
        "- {system: Also theirs, list: trials, eer: 1.2, source: Page}\n"
    )
    main_list, further = results(exps, tmp_path / "published.yaml").split("### O")
    assert main_list.startswith("### trials") and SHA[""] in main_list and SHA["O"] in further
    assert [row[0] for row in rows(further)[2:]] == [
        "`better`, plda\\",  # the bar of the name is no end of a cell; this reader takes it for one
        "`better`",
        "*Theirs* (published, not ours: Paper, table 2)",
    ]
    assert rows(further)[-1][1:] == ["*0.87*", "*0.107*", "–", "–", "–"]
    assert rows(main_list)[-1][:3] == ["*Also theirs* (published, not ours: Page)", "*1.20*", "–"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("- {system: T, list: Q, eer: 1, source: x}", ("T: ", "'Q'", "O, trials")),
        ("- {system: T, eer: 1, source: x}", ("T: ", "''", "O, trials")),  # there are two
        ("- {system: T, list: O, eerr: 1, source: x}", ("entry 1: ", "'eerr'", "'eer'")),
        ("- {system: T, list: O, eer: 1}", ("entry 1: ", "source")),
        ("- {system: T, list: O, source: x}", ("entry 1: ", "eer", "accuracy", "recall")),
        ("- {system: T, list: O, eer: 1, accuracy: 99, source: x}", ("entry 1: ", "eer", "accuracy", "recall")),
        ("- {system: T, list: O, accuracy: 99, source: x}", ("T: ", "eer")),
        ("system: T", ("list", "system", "source")),
    ],
)
def test_bad_published_figures_are_named(exps, tmp_path, text, wanted):
    (tmp_path / "published.yaml").write_text(text + "\n")
    with refused(tmp_path / "published.yaml", *wanted):
        results(exps, tmp_path / "published.yaml")


def test_only_what_stands_between_the_lines_is_replaced(exps, tmp_path, capsys):
    page = tmp_path / "RESULTS.md"
    page.write_text(f"# Results\n\nBefore.\n{BEGIN}\nold\nold\n{END}\n\nAfter.\n")
    for _ in range(2):  # again and again the same
        main(["make-results", "--out", str(page), str(exps[0])])
        text = page.read_text()
        assert text == f"# Results\n\nBefore.\n{BEGIN}\n{results(exps[:1])}\n{END}\n\nAfter.\n"
    capsys.readouterr()
    main(["make-results", str(exps[0])])
    assert capsys.readouterr().out == results(exps[:1]) + "\n"


def test_an_experiment_that_was_not_measured_yet_is_named_and_left_out(exps, tmp_path, capsys):
    (tmp_path / "training").mkdir()
    (tmp_path / "notes.txt").write_text("a glob gives files too\n")
    main(["make-results", str(tmp_path / "training"), str(exps[0]), str(tmp_path / "notes.txt")])
    done = capsys.readouterr()
    assert done.out == results(exps[:1]) + "\n"
    training, notes = done.err.splitlines()
    assert names(training, tmp_path / "training", "metrics.json", "stage 4") and names(
        notes, tmp_path / "notes.txt"
    )
    with pytest.raises(SystemExit):
        main(["make-results", str(tmp_path / "training")])
    with pytest.raises(SystemExit):
        main(["make-results", str(exps[0]), str(tmp_path / "trainign")])


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n"])
def test_a_page_without_its_place_is_refused_and_left(tmp_path, text):
    page = tmp_path / "RESULTS.md"
    page.write_text("Prose.\n" + text)
    with refused(page, BEGIN, END):
        write_results(page, "table")
    assert page.read_text() == "Prose.\n" + text
    with refused(tmp_path / "nothing", "metrics.json", "stage 4"):
        results([tmp_path / "nothing"])


def test_classifications_stand_by_accuracy_with_baselines_and_chance_once(classified, exps, tmp_path):
    for name, wrong in (("b", 4), ("a", 1)):
        matrix = np.diag(np.full(6, 5))
        matrix[0, 0], matrix[0, 1] = 5 - wrong, wrong
        classified(tmp_path / name, matrix, labels="utt2emotion")
    encoder = {"w": torch.zeros(400, 100)}
    state = model_state("classification", encoder=encoder, loss={"weight": torch.zeros(100, 100)})
    save_tensors(tmp_path / "a" / "final.pt", state)
    (tmp_path / "a" / "train.log").write_text(LOG)
    (tmp_path / "published.yaml").write_text(
        "- {system: Low, accuracy: 66.025, source: Page}\n- {system: High, accuracy: 95.5, source: Page}\n"
    )
    text = results([tmp_path / "b", tmp_path / "a"], tmp_path / "published.yaml")
    assert text.startswith("30 utterances of 6 classes (`utt2emotion`), 6 speakers; SHA-256 of the list\n`dddd")
    assert rows(text) == [
        ["conf", "accuracy % [95 %]", "recall (UA) % [95 %]", "F1 % [95 %]", "parameters, M", "training, min"],
        ["---"] * 6,
        ["`a`", *3 * ["96.67 [94.67, 98.67]"], "0.05", "3.5"],
        ["`b`", *3 * ["86.67 [84.67, 88.67]"], "–", "–"],
        ["majority", "25.00 [23.00, 27.00]", "16.67 [14.67, 18.67]", "10.00 [8.00, 12.00]", "–", "–"],
        ["chance", "16.67", "16.67", "–", "–", "–"],
        ["*High* (published, not ours: Page)", "*95.50*", "–", "–", "–", "–"],
        ["*Low* (published, not ours: Page)", "*66.03*", "–", "–", "–", "–"],
    ]
    with refused(exps[0], " verification", tmp_path / "a", " classification"):
        results([exps[0], tmp_path / "a"])
    (tmp_path / "published.yaml").write_text("- {system: T, eer: 1, source: x}\n")
    with refused(tmp_path / "published.yaml", "T: ", "accuracy"):
        results([tmp_path / "a"], tmp_path / "published.yaml")


def test_each_part_has_a_table(classified, tmp_path):
    for part in ("valid", "test"):
        classified(tmp_path / "a" / part, np.diag([5, 5, 5]))
    first, second = results([tmp_path / "a"]).split("### valid")
    assert first.startswith("### test\n\n15 utterances of 3 classes (`utt2spk`), 3 speakers")
    assert rows(second)[-2][:3] == ["chance", "33.33", "33.33"]


def test_a_system_that_is_not_above_a_baseline_has_a_dagger_and_a_legend(classified, tmp_path):
    told, untold, below = (
        {"accuracy": {"value": value, "low": -0.2, "high": 0.2, "p": p}}
        for value, p in ((0.1, 0.001), (0.1, 0.2), (-0.1, 0.001))
    )
    better, mixed = {"majority": told}, {"majority": told, "duration": below, "energy|x": untold}
    matrix = np.diag([9, 5, 5])
    matrix[0, 1] = 1
    classified(tmp_path / "good", np.diag([10, 5, 5]), differences=better)
    classified(tmp_path / "poor", matrix, differences=mixed)
    classified(tmp_path / "chance", np.array([[4, 6, 0], [5, 0, 0], [0, 2, 3]]), differences=better)
    text = results([tmp_path / "chance", tmp_path / "poor", tmp_path / "good"])
    assert [row[0] for row in rows(text)[2:6]] == ["`good`", "`poor` †", "`chance` †", "chance"]
    assert text.splitlines()[-1] == (
        "† not above a baseline, but below it or not told from it: `chance`: chance; `poor`: duration, energy\\|x."
    )
    assert "†" not in results([tmp_path / "good"])


def test_how_it_was_tested_stands_over_a_table_and_parts_it(classified, tmp_path):
    for name, verdict in (
        ("a", ["speaker-dependent"]),
        ("b", ["speaker-independent"]),
        ("c", ["speaker-dependent"]),
    ):
        classified(tmp_path / name, np.diag([5, 5, 5]), verdict=verdict)
    first, second = results([tmp_path / name for name in "abc"]).split("### utterances\n\n")[1:]
    assert first.startswith("15 utterances of 3 classes (`utt2spk`), 3 speakers; speaker-dependent; SHA-256 of the")
    assert "`a`" in first and "`c`" in first and "`b`" not in first
    assert "; speaker-independent; " in second and "`b`" in second and "`a`" not in second
    assert "speaker-" not in results([tmp_path / "a"]).replace("speaker-dependent", "")


def test_experiments_in_several_folders_have_tables_of_these_names(classified, tmp_path):
    for protocol in ("exercise", "cross_speaker"):
        sha = {"count": 9, "classes": 3, "speakers": 2, "sha256": protocol[:1] * 64, "frames": None}
        classified(tmp_path / protocol / "net", np.diag([3, 3, 3]), utterances=sha)
    (tmp_path / "published.yaml").write_text("- {system: T, list: exercise, accuracy: 89.167, source: x}\n")
    exps = [tmp_path / "exercise/net", tmp_path / "cross_speaker/net"]
    first, second = results(exps, tmp_path / "published.yaml").split("### cross_speaker\n")
    assert first.startswith("### exercise\n") and "eeee" in first and "*89.17*" in first
    assert "cccc" in second and "published" not in second


def test_of_folds_the_minutes_are_summed_and_the_parameters_those_of_one(classified, tmp_path):
    exp = tmp_path / "net"
    classified(exp, np.diag([5, 5, 5]))
    state = model_state("classification", encoder={"w": torch.zeros(100, 100)}, loss={})
    for fold in range(1, 4):
        save_tensors(exp / f"fold_{fold}" / "final.pt", state)
        (exp / f"fold_{fold}" / "train.log").write_text(LOG)
    assert (parameters(exp), minutes(exp)) == (10_000, 3 * 3.5)
    text = results([exp])
    assert rows(text)[2][-2:] == ["0.01", "10.5"]
    assert text.endswith(
        "Of an experiment of folds the parameters are those of one model, the minutes those of all."
    )
    (exp / "fold_2/train.log").unlink()
    assert minutes(exp) is None  # of some of them would be too few


def test_a_published_recall_stands_in_its_column_and_in_its_place(tmp_path, classified):
    classified(tmp_path / "a", np.diag([9, 1]) + 1)
    (tmp_path / "published.yaml").write_text(
        "- {system: Both, accuracy: 60, recall: 55.5, source: x}\n- {system: UA, recall: 92.3, source: y}\n"
    )
    text = results([tmp_path / "a"], tmp_path / "published.yaml")
    assert [row[:4] for row in rows(text)[-2:]] == [
        ["*UA* (published, not ours: y)", "–", "*92.30*", "–"],
        ["*Both* (published, not ours: x)", "*60.00*", "*55.50*", "–"],
    ]
    (tmp_path / "published.yaml").write_text("- {system: T, eer: 1, recall: 55.5, source: x}\n")
    with refused(tmp_path / "published.yaml", "entry 1: ", "eer", "recall"):
        results([tmp_path / "a"], tmp_path / "published.yaml")
