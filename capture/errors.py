"""The one root of every error that sonogauge raises on purpose.

Each message says what happened, to which object, and what the user can do about it.
"""


class SonogaugeError(Exception):
    """Root of all errors that a user may meet."""


class CaptureError(SonogaugeError):
    """A frame source cannot be opened, read or understood."""


class CalibrationError(SonogaugeError):
    """A sector, a scale or a scanner profile cannot be found or is not valid."""


class ModelError(SonogaugeError):
    """A model file, its manifest or its output cannot be trusted."""


class PictureError(SonogaugeError):
    """A picture cannot be judged for its type, its shape or its content."""


class DataError(SonogaugeError):
    """A training or evaluation data set is missing or damaged."""


class SettingsError(SonogaugeError):
    """A setting or an option has a value that cannot be used."""


class SessionError(SonogaugeError):
    """A session cannot be recorded, read or trusted."""
