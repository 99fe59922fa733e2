"""Recorded sessions: one folder each in a library.

``session.json``: what the session is: source (pseudonymous), profile, models with their hashes, settings (``info.py``)

``video.mkv``: pictures, FFV1 grey of the sector's crop unless asked otherwise; ``video_2.mkv`` and so on begin where
crop, size or source change (``video_writer.py``, ``geometry.py``). After a pre-roll the first number may be higher.

``recording.sqlite``: ``meta``, ``segments`` (codec, geometry, hash), ``frames`` (number in the source, capture time,
segment, position, bytes of its packet), ``assessments`` (figures), ``details`` (each assessment whole), ``events``,
``drops`` (``recording_file.py``)

``thumbnail.png``: the best frame's sector

``seal.json``: SHA-256 of all of these, written last; a session without it was cut off, or is being recorded

``review.sqlite``: bookmarks, ratings, adjudication, with ``review.sha256``; made when first opened (``review.py``)

Record with ``control.RecordingControl``, find with ``store.Library``, read with ``reader.Session`` and
``frame_reader.FrameReader``, check with ``verify.verify_session``, bring into order with ``recover.recover_session``.
Times are nanoseconds of the capture clock; ``session.json`` says which moment of the day its start was.
"""
