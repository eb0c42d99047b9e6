"""Everything Fovea refuses to do, as one tree. It knows no HTTP: `service/api/problems.py` gives each its status.

FoveaError
├── RequestError                 the client can mend it
│   ├── MalformedRequest         the request cannot be read at all
│   ├── UnknownName              no such model, method, layer or label
│   ├── DoesNotApply             the method has no meaning for this model, and why
│   ├── StaleCollection          the collection was filled by other weights than the model has now
│   ├── TooLarge                 more bytes, pixels or images than the limits allow
│   ├── UnsupportedEncoding      a Content-Encoding of the body that is not supported
│   ├── UnsupportedImage         not an image in a format we read
│   ├── DamagedImage             a known format, but its content cannot be decoded
│   ├── BadParameter             a parameter outside its range
│   ├── NotAcceptable            no form of the answer that the client takes
│   ├── RefusedImage             the model does not answer for such an image, and no other form can say so
│   └── TooSlow                  the request did not arrive in time
├── UnavailableError             trying later, or an operator, can mend it
│   ├── ModelUnavailable         missing, loading or failed weights
│   ├── ModelFault               numbers that are not finite: no answer rather than a wrong one
│   ├── Overloaded               the queue is full
│   ├── DeadlineExceeded         the answer would have come too late
│   └── JobFailed                a long computation died, or its service did
└── OperatorError                configuration, weights and data on our own disk
    ├── RegistryError            names the file, the model and the field
    ├── WeightsError             missing, damaged or unexpected weights
    ├── TrainingError            data or settings that cannot be trained on
    └── CollectionsError         the disk under the collections does not do what it should
        └── NoRoom               it is full
"""

from __future__ import annotations


class FoveaError(Exception):
    """Base of all errors raised on purpose; its text is written for the person who reads it."""


class RequestError(FoveaError):
    """Something in the request that its sender can mend."""


class MalformedRequest(RequestError):
    """The request cannot be read at all: broken JSON, no image field, bad base64."""


class UnknownName(RequestError):
    """A model, method, layer or label that does not exist; the text lists what does."""


class DoesNotApply(RequestError):
    """A method that has no meaning for this model; the text says why and what does apply."""


class StaleCollection(RequestError):
    """A collection filled by other weights than its model has now; the text says what mends it."""


class TooLarge(RequestError):
    """More bytes, pixels or images than the limits allow; the text names the limit."""


class UnsupportedEncoding(RequestError):
    """The Content-Encoding of the body is not supported; the text lists those that are.

    supported: content codings of request bodies.
    """

    def __init__(self, message: str, supported: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.supported = supported


class UnsupportedImage(RequestError):
    """The bytes are no image in a format Fovea reads."""


class DamagedImage(RequestError):
    """The format is known, but the content is truncated, damaged or lies about itself."""


class BadParameter(RequestError):
    """A parameter outside its range; the text names the parameter and the range."""


class NotAcceptable(RequestError):
    """The answer exists in none of the forms that the client takes; the text lists those that exist."""


class RefusedImage(RequestError):
    """The model does not answer for such an image, and the form asked for (a picture) has no room to say so."""


class TooSlow(RequestError):
    """The request did not arrive in time; the text names the deadline."""


class UnavailableError(FoveaError):
    """The request was fine; trying again later, or an operator, can mend it.

    retry_after: seconds after which another try makes sense.
    """

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelUnavailable(UnavailableError):
    """The model's weights are missing, still loading, or failed to load; the text says what mends it."""


class ModelFault(UnavailableError):
    """The model gave numbers that are not finite: no answer rather than a wrong one."""


class Overloaded(UnavailableError):
    """The bounded queue is full: the service sheds new work to keep what it has accepted."""


class DeadlineExceeded(UnavailableError):
    """The answer was not ready within the deadline."""


class JobFailed(UnavailableError):
    """A long computation ended without a result: its process died, or the service that waited for it."""


class OperatorError(FoveaError):
    """Configuration, weights or data on our own disk that a request cannot mend."""


class RegistryError(OperatorError):
    """A registry entry that cannot be used; the text names file, model and field."""


class WeightsError(OperatorError):
    """Weights that are absent, damaged, of the wrong digest or the wrong shape."""


class TrainingError(OperatorError):
    """Data or settings that cannot be trained on."""


class CollectionsError(OperatorError):
    """The disk under the collections is read-only, damaged or busy; the text has what SQLite said."""


class NoRoom(CollectionsError):
    """The disk under the collections is full: nothing more is kept, and what was kept is there."""


def error_from_name(name: str, detail: str) -> FoveaError:
    """An error of the tree by its class name, as another process or a job's record names it.

    A name outside the tree gives JobFailed.
    """
    kind = globals().get(name)
    return kind(detail) if isinstance(kind, type) and issubclass(kind, FoveaError) else JobFailed(detail)
