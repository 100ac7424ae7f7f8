"""timbre: recipes for what is left of speech when the words are taken away.

>>> import timbre
>>> model = timbre.load("exp/xvector_am")
>>> embedding = model.embed("a.wav")
>>> timbre.verify(model, "a.wav", "b.wav").same_speaker
"""

__version__ = "0.1.0"


def load(model, device="cpu"):
    """A trained model by its directory or file: see :class:`timbre.models.trained.TrainedModel`."""
    from timbre.models.trained import TrainedModel  # torch takes seconds to import: only when needed

    return TrainedModel.load(model, device)


def verify(model, first, second, rate=None):
    """Are two recordings of one speaker? See :func:`timbre.scoring.verification.verify`."""
    from timbre.scoring import verification

    return verification.verify(model, first, second, rate)
