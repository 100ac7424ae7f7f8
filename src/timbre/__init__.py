"""timbre: recipes for speaker verification, speaker identification and speech emotion recognition.

>>> import timbre
>>> model = timbre.load("exp/xvector_am")
>>> embedding = model.embed("a.wav")
>>> timbre.verify(model, "a.wav", "b.wav").same_speaker
>>> timbre.load("exp/conformer_boss").classify("a.wav")  # of a classifier: probabilities, the highest first
>>> people = timbre.People("people", model="exp/xvector_am")
>>> people.enrol("alice", ["a1.wav", "a2.wav"])
>>> people.identify("x.wav").name  # None where it is nobody who is enrolled
"""

__version__ = "0.1.0"


def load(model, device="cpu"):
    """A trained model by its directory or file: a :class:`timbre.models.trained.TrainedModel`, and where it was
    trained as one a :class:`timbre.training.classifier.Classifier`."""
    from timbre.training import classifier  # torch takes seconds to import: only when needed

    return classifier.load(model, device)


def verify(model, first, second, rate=None):
    """Are two recordings of one speaker? See :func:`timbre.scoring.verification.verify`."""
    from timbre.scoring import verification

    return verification.verify(model, first, second, rate)


def calibrate(model, recordings, **options):
    """A calibration on recordings of one's own; see :func:`timbre.people.calibrate.calibrate`."""
    from timbre.people import calibrate as calibration

    return calibration.calibrate(model, recordings, **options)


def __getattr__(name):
    if name == "People":
        from timbre.people.people import People

        return People
    raise AttributeError(f"module 'timbre' has no attribute '{name}'")
