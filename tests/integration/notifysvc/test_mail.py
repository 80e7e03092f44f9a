"""E-mails as people get them."""

from devstack.process import Process
from tests.integration.notifysvc.conftest import StartReplica
from tests.integration.notifysvc.peer import Peer
from tests.integration.notifysvc.publisher import Publisher
from tests.mailbox import Mailbox


async def test_each_person_gets_one_mail_an_event_as_text_and_html_however_many_replicas_send(
    notifysvc: Process, start_replica: StartReplica, mailbox: Mailbox, peer: Peer, publisher: Publisher, project: str
) -> None:
    await start_replica()
    boss, worker = peer.person(project), peer.person(project)
    title = "Купить <молоко> & bread"
    assigned = await publisher.task(project, by=boss, to=worker, title=title)
    task_id = assigned.task_id
    done = await publisher.task(project, "completed", task_id=task_id, by=boss, to=worker, title=title)
    newest, oldest = await mailbox.arrived(f"to:{worker.email}", 2)
    (bosses,) = await mailbox.arrived(f"to:{boss.email}")
    if newest["MessageID"].startswith(assigned.event_id):
        newest, oldest = oldest, newest  # two mailers may overtake each other
    assert newest["Subject"] == f"Completed: {title}"
    assert oldest["Subject"] == f"Assigned to you: {title}"
    assert newest["MessageID"] == f"{done.event_id}.{worker.id}@localhost"
    assert bosses["MessageID"] == f"{done.event_id}.{boss.id}@localhost"
    link = f"https://tasks.example.com/#/tasks/{task_id}"
    assert link in oldest["Text"]
    assert f'href="{link}"' in oldest["HTML"]
    assert f"{boss.name} assigned a task to you" in oldest["Text"]
    assert title in oldest["Text"]
    assert "Купить &lt;молоко&gt; &amp; bread" in oldest["HTML"]
    assert len(await mailbox.find(f"to:{worker.email}")) == 2


async def test_all_of_many_mails_arrive_once(
    notifysvc: Process, start_replica: StartReplica, mailbox: Mailbox, peer: Peer, publisher: Publisher, project: str
) -> None:
    await start_replica()
    worker = peer.person(project)
    told = [await publisher.task(project, to=worker, title=f"Task {number}") for number in range(60)]
    found = await mailbox.arrived(f"to:{worker.email}", len(told), within=30)
    assert sorted(each["MessageID"] for each in found) == sorted(
        f"{event.event_id}.{worker.id}@localhost" for event in told
    )
