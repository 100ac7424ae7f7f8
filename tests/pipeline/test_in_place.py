"""Files that are written in place: what was made of something else is set aside, as often as it happens."""

from __future__ import annotations

from timbre.pipeline.declaration import Declaration
from timbre.pipeline.output import begin, end


def test_a_model_is_set_aside_as_often_as_its_conf_changes(tmp_path):
    def train(margin):
        step = Declaration(
            "train_encoder",
            tmp_path / "exp",
            files=("final.pt",),
            beside=("tensorboard",),
            values=(f"margin={margin}",),
            resumable=True,
        )
        state, work = begin(step)
        if work is not None:
            assert not (work / "final.pt").exists() and not (work / "tensorboard").exists()
            (work / "tensorboard").mkdir()
            (work / "tensorboard/events").write_text(margin)
            (work / "final.pt").write_text(margin)
            end(step, work)
        return state.word

    words = [train(margin) for margin in ("0.2", "0.2", "0.3", "0.2", "0.3")]
    assert words == ["missing", "fresh", "stale", "stale", "stale"]
    assert (tmp_path / "exp/final.pt").read_text() == "0.3"
    assert {path.read_text() for path in tmp_path.glob("exp/.train_encoder.*/final.pt")} == {"0.2", "0.3"}
