"""All errors that Fovea raises on purpose, as one tree, independent of HTTP: `service/api/problems.py` maps them.

FoveaError
├── RequestError                 the client can fix it
│   ├── MalformedRequest         the request cannot be read at all
│   ├── CrossSiteRequest         made by a web page of an origin that is not allowed
│   ├── Forbidden                this client may not do that
│   ├── UnknownName              no such model, method, layer or label
│   ├── DoesNotApply             the method has no meaning for this model, and why
│   ├── StaleCollection          the vectors of the collection do not fit its model any more
│   ├── TooLarge                 more bytes, pixels or images than the limits allow
│   ├── UnsupportedEncoding      a Content-Encoding of the body that is not supported
│   ├── UnsupportedImage         not an image in a supported format
│   ├── DamagedImage             a known format, but its content cannot be decoded
│   ├── BadParameter             a parameter outside its range
│   ├── NotAcceptable            no format of the answer that the client accepts
│   ├── RefusedImage             the guard of the model refuses the image, and the format of the answer cannot say so
│   └── TooSlow                  the request did not arrive in time
├── UnavailableError             another try later, or an operator, can fix it
│   ├── ModelUnavailable         missing, loading or failed weights
│   ├── ModelFault               the model computed numbers that are not finite
│   ├── Overloaded               the queue is full
│   ├── DeadlineExceeded         the answer was not ready in time
│   └── JobFailed                a job ended without a result
└── OperatorError                configuration, weights and data on the service's disk
    ├── RegistryError            an entry that cannot be used
    ├── WeightsError             missing, damaged or unexpected weights
    ├── TrainingError            data or settings that cannot be used for training
    └── CollectionsError         the store of collections cannot be read or written
        └── NoRoom               the disk is full
"""

from __future__ import annotations


class FoveaError(Exception):
    """Base of all errors raised on purpose. The text is written for users: cause and remedy."""


class RequestError(FoveaError):
    """An error in the request that the client can fix."""


class MalformedRequest(RequestError):
    """The request cannot be read at all: broken JSON, no image field, bad base64."""


class CrossSiteRequest(RequestError):
    """A web page of an origin that is not allowed made the request."""


class Forbidden(RequestError):
    """The client may not do this; the text says who may, and how."""


class UnknownName(RequestError):
    """A model, method, layer or label that does not exist; the text lists those that exist."""


class DoesNotApply(RequestError):
    """A method that has no meaning for this model; the text says why, and which methods apply."""


class StaleCollection(RequestError):
    """A collection whose vectors do not fit its model any more; the text says what has changed, and the remedy."""


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
    """The bytes are not an image in a supported format."""


class DamagedImage(RequestError):
    """The format is supported, but the content is truncated, damaged or inconsistent."""


class BadParameter(RequestError):
    """A parameter outside its range; the text names the parameter and the range."""


class NotAcceptable(RequestError):
    """The answer has no format that the client accepts; the text lists its formats."""


class RefusedImage(RequestError):
    """The guard of the model refuses the image, and the format asked for (a picture) cannot say so."""


class TooSlow(RequestError):
    """The request did not arrive in time; the text names the deadline."""


class UnavailableError(FoveaError):
    """The request was correct; another try later, or an operator, can fix the error.

    retry_after: seconds after which to try again.
    """

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelUnavailable(UnavailableError):
    """The model's weights are missing, still loading, or failed to load; the text has the remedy."""


class ModelFault(UnavailableError):
    """The model computed numbers that are not finite: no answer is better than a wrong one."""


class Overloaded(UnavailableError):
    """The bounded queue is full: the service refuses new work to complete what it has accepted."""


class DeadlineExceeded(UnavailableError):
    """The answer was not ready within the deadline."""


class JobFailed(UnavailableError):
    """A job ended without a result: its process died, or the service stopped."""


class OperatorError(FoveaError):
    """Configuration, weights or data on the service's disk, which a request cannot fix."""


class RegistryError(OperatorError):
    """A registry entry that cannot be used; the text names file, model and field."""


class WeightsError(OperatorError):
    """Weights that are missing, damaged, or have a wrong digest or shape."""


class TrainingError(OperatorError):
    """Data or settings that cannot be used for training."""


class CollectionsError(OperatorError):
    """The store of collections is read-only, damaged or busy; the text has the message of the database."""


class NoRoom(CollectionsError):
    """The disk of the collections is full: the change was not saved, and earlier ones are intact."""


def error_from_name(name: str, detail: str) -> FoveaError:
    """The error of this class name, as sent by another process or a job. An unknown name gives JobFailed."""
    kind = globals().get(name)
    return kind(detail) if isinstance(kind, type) and issubclass(kind, FoveaError) else JobFailed(detail)
