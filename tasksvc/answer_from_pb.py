"""What a worker says became of a task."""

from google.protobuf.duration_pb2 import Duration
from taskbell.queues.v1 import queues_pb2 as pb

from chassis.errors import InvalidField
from tasksvc.lease_store import Answer, Completed, Failed, Released
from tasksvc.task_from_pb import struct_to_json


def completed(request: pb.CompleteLeaseRequest) -> Answer:
    """It was done. Raises InvalidField for a result that can't be kept."""
    result = struct_to_json(request.result, "result") if request.HasField("result") else None
    return Answer(request.lease_id.lower(), Completed(None if result is None else dict(result)))


def failed(request: pb.FailLeaseRequest) -> Answer:
    """The attempt failed."""
    retryable = request.retryable if request.HasField("retryable") else True
    after = _seconds(request.retry_after) if request.HasField("retry_after") else None
    return Answer(request.lease_id.lower(), Failed(request.error, retryable, after))


def released(request: pb.ReleaseLeaseRequest) -> Answer:
    """The worker gives it back."""
    after = _seconds(request.retry_after) if request.HasField("retry_after") else None
    return Answer(request.lease_id.lower(), Released(after))


def answer_from_pb(answer: pb.Answer) -> Answer:
    """Any of these, as it comes on a stream."""
    match answer.WhichOneof("outcome"):
        case "complete":
            return completed(answer.complete)
        case "fail":
            return failed(answer.fail)
        case "release":
            return released(answer.release)
    raise InvalidField.named("answers.outcome", None, "must be complete, fail or release")


def lease_of(answer: pb.Answer) -> str:
    """Which lease it is about; empty if it doesn't say."""
    kind = answer.WhichOneof("outcome")
    lease_id: str = getattr(answer, kind).lease_id if kind else ""
    return lease_id


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta().total_seconds()
