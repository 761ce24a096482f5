"""The errors of the tuner: bad input (a UsageError, exit 2), and what ends work that had begun (StoppedError, exit 1).

UsageError                         StoppedError
├── SpaceError                     ├── TrialLostError
├── StudyError                     ├── WorkerStoppedError
│   ├── UnknownStudyError          └── StorageUnavailableError
│   ├── StudyMismatchError             └── ServiceUnavailableError
│   └── ForeignStudyError
├── StorageLocationError
│   └── StudyInUseError
└── ServiceError
"""

from __future__ import annotations

from memoryqa.errors import StoppedError, UsageError


class SpaceError(UsageError):
    """A search space, a parameter of one, or a preset's name is unusable; the message is one line."""


class StudyError(UsageError):
    """A study cannot be defined, or asked, like this."""


class UnknownStudyError(StudyError):
    """The storage has no study of this name."""


class StudyMismatchError(StudyError):
    """A study of this name exists and has another spec."""


class ForeignStudyError(StudyError):
    """Another program made the study of this name, so that its space and seed are unknown."""


class StorageLocationError(UsageError):
    """No storage can be at this location: a wrong scheme, a folder, a file of another kind."""


class StudyInUseError(StorageLocationError):
    """Another tuner works on this study of this journal."""


class ServiceError(UsageError):
    """The service refused a request; `status` is HTTP's, the message the service's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TrialLostError(StoppedError):
    """The trial is no longer the worker's: somebody else finished it or gave it up."""


class WorkerStoppedError(StoppedError):
    """Trial after trial failed: the measurement is broken, not the parameters."""


class StorageUnavailableError(StoppedError):
    """A storage cannot be reached, read or written now: no server, a full disk, a damaged file. The message is one
    line."""


class ServiceUnavailableError(StorageUnavailableError):
    """The service does not answer, or something else answers. The message is one line with the address."""
