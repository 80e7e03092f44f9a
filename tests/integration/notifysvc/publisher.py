"""Publishes events as tasksvc's relay does."""

from collections.abc import Sequence
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp
from taskbell.comments.v1.comments_pb2 import Comment
from taskbell.events.v1.events_pb2 import Account, Client, Credential, Event
from taskbell.projects.v1.projects_pb2 import Member
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.jetstream import Bus, account_subject, credential_subject, member_subject, task_subject
from tests.integration.notifysvc.peer import Peer, Person


class Publisher:
    """Changes what the peer knows and tells of it, in this order."""

    def __init__(self, bus: Bus, peer: Peer) -> None:
        self._bus = bus
        self._peer = peer
        self._last: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self._sequences: dict[str, int] = {}

    def forget(self) -> None:
        """The stream is a new one."""
        self._last.clear()

    @staticmethod
    def now() -> Timestamp:
        time = Timestamp()
        time.GetCurrentTime()
        return time

    async def publish(self, subject: str, event: Event) -> int:
        event.event_id = str(uuid4())
        if not event.HasField("time"):
            event.time.CopyFrom(self.now())
        after = self._last.get(subject, 0)
        self._last[subject] = await self._bus.publish(
            subject, event.SerializeToString(), event_id=event.event_id, after=after
        )
        self._sequences[event.event_id] = self._last[subject]
        self._peer.ledger.events[event.event_id] = event, self._last[subject]
        return self._last[subject]

    def sequence_of(self, event: Event) -> int:
        """Its place in the stream."""
        return self._sequences[event.event_id]

    async def again(self, event: Event) -> None:
        """Publishes a membership's event late, as one that the stream had lost."""
        subject = member_subject(event.project_id, event.member.user_id)
        self._last[subject] = await self._bus.publish(
            subject, event.SerializeToString(), event_id=event.event_id, after=self._last[subject]
        )

    async def task(
        self,
        project: str,
        kind: str = "created",
        *,
        task_id: str = "",
        by: Person | None = None,
        to: Person | None = None,
        title: str = "Buy milk",
        changed: tuple[str, ...] = (),
        status: Task.Status.ValueType = Task.PENDING,
        description: str = "",
    ) -> Event:
        task_id = task_id or str(uuid4())
        version = self._versions[task_id] = self._versions.get(task_id, 0) + 1
        task = Task(
            id=task_id,
            project_id=project,
            title=title,
            description=description,
            status=status,
            version=version,
            creator_id=by.id if by else "",
            assignee_id=to.id if to else "",
        )
        event = Event(
            type=f"task.{kind}",
            actor_id=by.id if by else "",
            project_id=project,
            task_id=task_id,
            task_version=version,
            task=task,
            changed_fields=changed,
        )
        await self.publish(task_subject(project, task_id), event)
        return event

    async def comment(
        self,
        on: Event,
        text: str,
        *,
        by: Person,
        mentioned: Sequence[Person] = (),
        commenters: Sequence[Person] = (),
    ) -> Event:
        """Somebody comments on the task that an event told of."""
        comment = Comment(id=str(uuid4()), task_id=on.task_id, project_id=on.project_id, author_id=by.id, text=text)
        event = Event(
            type="comment.created",
            actor_id=by.id,
            project_id=on.project_id,
            task_id=on.task_id,
            task_version=on.task_version,
            task=on.task,
            changed_fields=["text"],
            comment=comment,
            mentioned_ids=[person.id for person in mentioned],
            commenter_ids=[person.id for person in commenters],
        )
        await self.publish(task_subject(on.project_id, on.task_id), event)
        return event

    async def join(self, person: Person, project: str, at: Timestamp | None = None) -> Event:
        person.projects.add(project)
        return await self._member("added", person, project, at)

    async def remove(self, person: Person, project: str) -> Event:
        person.projects.discard(project)
        return await self._member("removed", person, project)

    async def log_out(self, person: Person) -> None:
        del self._peer.tokens[person.token]
        await self._credential("session.ended", person, person.session_id)

    async def revoke(self, person: Person, token: str, token_id: str) -> None:
        del self._peer.tokens[token]
        await self._credential("token.revoked", person, token_id)

    async def account(self, kind: str, person: Person, client: Client | None = None) -> Event:
        event = Event(type=f"account.{kind}", account=Account(user_id=person.id, client=client))
        await self.publish(account_subject(person.id), event)
        return event

    async def _member(self, kind: str, person: Person, project: str, at: Timestamp | None = None) -> Event:
        event = Event(
            time=at, type=f"member.{kind}", project_id=project, member=Member(user_id=person.id, role=Member.EDITOR)
        )
        await self.publish(member_subject(project, person.id), event)
        return event

    async def _credential(self, kind: str, person: Person, credential_id: str) -> None:
        event = Event(type=kind, credential=Credential(id=credential_id, user_id=person.id))
        await self.publish(credential_subject(person.id, credential_id), event)
