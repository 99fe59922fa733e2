"""What a session can be exported as; imports nothing, for the command line's sake."""

from enum import StrEnum


class ExportFormat(StrEnum):
    """Kinds of export: ``html`` is a report, ``csv`` and ``parquet`` are figures."""

    MP4 = "mp4"
    PNG = "png"
    CSV = "csv"
    PARQUET = "parquet"
    DICOM = "dicom"
    HTML = "html"
