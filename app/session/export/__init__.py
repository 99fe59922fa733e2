"""What of a session leaves the machine, each kind in a file of its own: pictures, tables, DICOM, report.

All of it is de-identified: pixels come from ``app.session.deid`` alone, the session goes by a pseudonym that its seal
gives, and neither the day nor the folder, profile, settings or sentences of the recording are told. Everything is
written aside and swapped in when it is whole (``aside.py``).
"""
