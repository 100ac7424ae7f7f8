"""The recipe of the phone recogniser end to end on a very small corpus: every stage, and its model as features."""

from __future__ import annotations

import json

import pytest
import tiny
from messages import names

RECIPE = "egs/synthetic/allosaurus"


@pytest.fixture(scope="module")
def finished(run):
    """The recipe, run once from nothing."""
    code, out, err = run("run.sh", *tiny.options(RECIPE, "small"), "--exp", "exp/first", folder=RECIPE)
    assert code == 0, out + err
    return out


def test_phone_error_rates_of_voices_that_were_known_and_of_others(finished, clone):
    metrics = json.loads((clone / RECIPE / "exp/first/metrics.json").read_text())
    assert metrics["task"] == "phones" and list(metrics["parts"]) == ["seen", "unseen"]
    for part, speakers in (("seen", 4), ("unseen", 2)):
        languages = metrics["parts"][part]["languages"]
        assert languages["all"]["speakers"] == speakers
        assert set(languages) <= {"all", "cmn", "de", "en", "fa", "fr"} and len(languages) > 2
    assert "baseline PER %" in finished and (clone / RECIPE / "exp/first/report.html").exists()


def test_a_second_run_has_nothing_to_do(finished, again):
    again(*tiny.options(RECIPE, "small"), "--exp", "exp/first", folder=RECIPE)


def test_the_model_makes_features_of_another_data_directory(finished, clone, timbre):
    """By steps/make_feats.sh's own command, with the section that the recipe has for it."""
    options = ["--conf", "conf/allosaurus.yaml", "--set", "features.model=exp/first"]
    code, out, err = timbre("make-feats", *options, "data/unseen", "logits", folder=RECIPE)
    assert code == 0, out + err
    assert len((clone / RECIPE / "logits/feats.1.scp").read_text().splitlines()) == 40


def test_what_users_do_wrong_is_said(finished, run):
    for options, named in (
        (["--test", "data/unseen"], ["--test", "--data"]),
        (["--conf", "conf/mfcc.yaml"], ["conf/mfcc.yaml", "verification", "phones"]),
        (["--exp", "exp/new", "--stage", 3], ["exp/new/final.pt", "steps/train_encoder.sh", "stage 2"]),
        (["--exp", "exp/new", "--stage", 4], ["exp/new/seen/phones", "steps/recognise_phones.sh", "stage 3"]),
    ):
        code, _, err = run("run.sh", *options, folder=RECIPE)
        assert code == 1 and names(err, *named)
