"""Who may see and change what: projects and their members."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from taskbell.accounts.v1 import accounts_pb2
from taskbell.projects.v1 import projects_pb2 as pb

from chassis.errors import (
    CredentialsMissing,
    EtagMismatch,
    InvalidField,
    InvalidUpdateMask,
    LastOwner,
    MemberExists,
    MemberNotFound,
    PersonalProject,
    ProjectNotFound,
    RoleTooLow,
    ServiceError,
    TooManyProjects,
    UserNotFound,
)
from devstack.process import Process
from tests.integration.tasksvc.conftest import SERVICE_KEY, Api, Dial, Newcomer, Person

VIEWER, EDITOR, OWNER = pb.Member.VIEWER, pb.Member.EDITOR, pb.Member.OWNER
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
async def carla(newcomer: Newcomer) -> Person:
    return await newcomer()


@pytest.fixture
async def project(ann: Person) -> pb.Project:
    """A project of Ann's."""
    return await create(ann)


async def create(owner: Person, title: str = "house") -> pb.Project:
    return await owner.api.projects.CreateProject(pb.CreateProjectRequest(project=pb.Project(title=title)))


async def add(by: Person, project: pb.Project, whom: Person, role: pb.Member.Role.ValueType) -> pb.Member:
    member = pb.Member(user_id=whom.id, role=role)
    return await by.api.projects.AddMember(pb.AddMemberRequest(project_id=project.id, member=member))


async def give(by: Person, project: pb.Project, whom: Person, role: pb.Member.Role.ValueType) -> pb.Member:
    member = pb.Member(user_id=whom.id, role=role)
    return await by.api.projects.UpdateMember(pb.UpdateMemberRequest(project_id=project.id, member=member))


async def remove(by: Person, project: pb.Project, whom: Person) -> None:
    await by.api.projects.RemoveMember(pb.RemoveMemberRequest(project_id=project.id, user_id=whom.id))


async def get(by: Person, project: pb.Project) -> pb.Project:
    return await by.api.projects.GetProject(pb.GetProjectRequest(id=project.id))


async def update(
    by: Person, project: pb.Project, *mask: str, title: str = "", description: str = "", etag: str = ""
) -> pb.Project:
    wanted = pb.Project(id=project.id, title=title, description=description, etag=etag)
    request = pb.UpdateProjectRequest(project=wanted, update_mask=FieldMask(paths=mask))
    return await by.api.projects.UpdateProject(request)


async def members(by: Person, project: pb.Project) -> dict[str, int]:
    answer = await by.api.projects.ListMembers(pb.ListMembersRequest(project_id=project.id))
    return {member.user_id: member.role for member in answer.members}


async def events(sql: Any, project: pb.Project) -> list[tuple[str, str, str]]:
    """What the outbox tells of a project: type, member, actor."""
    rows = await sql.fetch(
        "SELECT type, subject_id::text, actor_id::text FROM events WHERE project_id = $1 ORDER BY id", project.id
    )
    return [tuple(row) for row in rows]


async def test_who_creates_a_project_owns_it(ann: Person, sql: Any) -> None:
    project = await create(ann, "garden")
    assert (project.title, project.role, project.personal) == ("garden", OWNER, False)
    assert await get(ann, project) == project
    assert await members(ann, project) == {ann.id: OWNER}
    assert await events(sql, project) == [("member.added", ann.id, ann.id)]


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
async def test_a_project_has_a_title(ann: Person, title: str) -> None:
    with pytest.raises(InvalidField) as refused:
        await create(ann, title)
    assert refused.value.violations[0].field == "project.title"


async def test_a_project_is_not_there_for_who_is_no_member(bob: Person, project: pb.Project) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: get(bob, project),
        lambda: update(bob, project, title="mine"),
        lambda: bob.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id)),
        lambda: members(bob, project),
        lambda: add(bob, project, bob, OWNER),
        lambda: give(bob, project, bob, OWNER),
        lambda: remove(bob, project, bob),
        lambda: get(bob, pb.Project(id=NOWHERE)),
    ]
    for call in calls:
        with pytest.raises(ProjectNotFound):
            await call()
    listed = await bob.api.projects.ListProjects(pb.ListProjectsRequest(page_size=1000))
    assert project.id not in {each.id for each in listed.projects}


@pytest.mark.parametrize("role", [VIEWER, EDITOR])
async def test_who_is_no_owner_sees_a_project_and_does_not_change_it(
    ann: Person, bob: Person, carla: Person, project: pb.Project, role: pb.Member.Role.ValueType
) -> None:
    await add(ann, project, bob, role)
    assert (await get(bob, project)).role == role
    assert await members(bob, project) == {ann.id: OWNER, bob.id: role}
    calls: list[Callable[[], Any]] = [
        lambda: update(bob, project, title="mine"),
        lambda: bob.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id)),
        lambda: add(bob, project, carla, VIEWER),
        lambda: give(bob, project, bob, OWNER),
        lambda: remove(bob, project, ann),
    ]
    for call in calls:
        with pytest.raises(RoleTooLow):
            await call()


async def test_projects_are_listed_oldest_first_page_by_page(newcomer: Newcomer) -> None:
    dave = await newcomer()
    made = [dave.user.personal_project_id, *[(await create(dave, f"{number}")).id for number in range(4)]]
    listed: list[str] = []
    request = pb.ListProjectsRequest(page_size=2)
    while True:
        page = await dave.api.projects.ListProjects(request)
        listed += [project.id for project in page.projects]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == made


async def test_an_update_changes_what_the_mask_names(ann: Person, project: pb.Project) -> None:
    changed = await update(ann, project, "title", title="barn", description="not named")
    assert (changed.title, changed.description) == ("barn", "")
    assert changed.etag != project.etag
    assert changed.update_time.ToNanoseconds() > project.update_time.ToNanoseconds()


async def test_an_update_without_mask_changes_what_is_set(ann: Person, project: pb.Project) -> None:
    changed = await update(ann, project, description="by the lake")
    assert (changed.title, changed.description) == ("house", "by the lake")
    cleared = await update(ann, project, "description")
    assert (cleared.title, cleared.description) == ("house", "")


async def test_an_update_that_changes_nothing_makes_no_new_version(ann: Person, project: pb.Project) -> None:
    assert await update(ann, project, title="house") == project


async def test_what_was_read_can_be_sent_back(ann: Person, project: pb.Project) -> None:
    mask = [field.camelcase_name for field in pb.Project.DESCRIPTOR.fields]
    request = pb.UpdateProjectRequest(project=project, update_mask=FieldMask(paths=mask))
    assert await ann.api.projects.UpdateProject(request) == project


async def test_a_mask_that_names_no_field_is_refused_by_name(ann: Person, project: pb.Project) -> None:
    with pytest.raises(InvalidUpdateMask) as refused:
        await update(ann, project, "title", "colour", title="barn")
    assert "'colour'" in refused.value.message
    assert "title, description" in refused.value.message


async def test_a_title_cannot_be_cleared(ann: Person, project: pb.Project) -> None:
    with pytest.raises(InvalidField):
        await update(ann, project, "title")


async def test_a_change_of_what_has_changed_meanwhile_is_refused(ann: Person, project: pb.Project) -> None:
    await update(ann, project, title="barn", etag=project.etag)
    with pytest.raises(EtagMismatch):
        await update(ann, project, title="shed", etag=project.etag)
    with pytest.raises(EtagMismatch):
        await ann.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id, etag=project.etag))
    assert (await get(ann, project)).title == "barn"


async def test_a_deleted_project_is_gone_for_everybody_at_once(
    ann: Person,
    bob: Person,
    project: pb.Project,
    other_replica: Process,
    at: Callable[[Person, Process], Person],
    another_service: Api,
    sql: Any,
) -> None:
    await add(ann, project, bob, EDITOR)
    elsewhere = at(bob, other_replica)
    await get(elsewhere, project)
    deleted = await ann.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id))
    assert deleted.HasField("delete_time")
    for person in (ann, bob, elsewhere):
        with pytest.raises(ProjectNotFound):
            await get(person, project)
        with pytest.raises(ProjectNotFound):
            await members(person, project)
    for person in (ann, bob):
        request = accounts_pb2.IntrospectTokenRequest(token=person.session.access_token)
        assert project.id not in (await another_service.accounts.IntrospectToken(request)).project_ids
    assert {(type_, member) for type_, member, _ in (await events(sql, project))[2:]} == {
        ("member.removed", ann.id),
        ("member.removed", bob.id),
    }


async def test_a_personal_project_stays_and_is_not_shared(ann: Person, bob: Person) -> None:
    personal = pb.Project(id=ann.user.personal_project_id)
    with pytest.raises(PersonalProject):
        await ann.api.projects.DeleteProject(pb.DeleteProjectRequest(id=personal.id))
    with pytest.raises(PersonalProject):
        await add(ann, personal, bob, VIEWER)
    with pytest.raises(LastOwner):
        await remove(ann, personal, ann)


async def test_a_member_is_named_by_id_or_by_username(
    ann: Person, bob: Person, carla: Person, project: pb.Project, sql: Any
) -> None:
    by_id = await add(ann, project, bob, EDITOR)
    assert (by_id.user_id, by_id.username, by_id.role) == (bob.id, bob.username, EDITOR)
    member = pb.Member(username=carla.username, role=VIEWER)
    by_name = await ann.api.projects.AddMember(pb.AddMemberRequest(project_id=project.id, member=member))
    assert (by_name.user_id, by_name.username, by_name.role) == (carla.id, carla.username, VIEWER)
    assert await members(ann, project) == {ann.id: OWNER, bob.id: EDITOR, carla.id: VIEWER}
    assert (await events(sql, project))[1:] == [("member.added", bob.id, ann.id), ("member.added", carla.id, ann.id)]


@pytest.mark.parametrize(
    ("member", "error"),
    [
        (pb.Member(username="nobody-at-all", role=VIEWER), UserNotFound),
        (pb.Member(user_id=NOWHERE, role=VIEWER), UserNotFound),
        (pb.Member(role=VIEWER), InvalidField),
        (pb.Member(username="nobody-at-all"), InvalidField),
        (pb.Member(username="nobody-at-all", user_id=NOWHERE, role=VIEWER), InvalidField),
        (pb.Member(user_id="bob", role=VIEWER), InvalidField),
    ],
)
async def test_a_member_who_is_not_well_named_is_refused(
    ann: Person, project: pb.Project, member: pb.Member, error: type[ServiceError]
) -> None:
    with pytest.raises(error):
        await ann.api.projects.AddMember(pb.AddMemberRequest(project_id=project.id, member=member))


async def test_nobody_is_a_member_twice(ann: Person, bob: Person, project: pb.Project) -> None:
    outcomes = await asyncio.gather(*(add(ann, project, bob, EDITOR) for _ in range(4)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Member", *["MemberExists"] * 3]
    with pytest.raises(MemberExists):
        await add(ann, project, ann, VIEWER)


async def test_a_new_role_holds_on_the_next_call(ann: Person, bob: Person, project: pb.Project, sql: Any) -> None:
    added = await add(ann, project, bob, VIEWER)
    changed = await give(ann, project, bob, OWNER)
    assert (changed.role, changed.create_time) == (OWNER, added.create_time)
    assert changed.etag != added.etag
    await update(bob, project, title="ours")
    assert (await events(sql, project))[-1] == ("member.updated", bob.id, ann.id)


async def test_a_role_that_is_the_same_changes_nothing(ann: Person, bob: Person, project: pb.Project, sql: Any) -> None:
    added = await add(ann, project, bob, VIEWER)
    assert await give(ann, project, bob, VIEWER) == added
    assert len(await events(sql, project)) == 2


async def test_a_member_that_has_changed_meanwhile_is_left_alone(ann: Person, bob: Person, project: pb.Project) -> None:
    added = await add(ann, project, bob, VIEWER)
    await give(ann, project, bob, EDITOR)
    added.role = OWNER
    with pytest.raises(EtagMismatch):
        await ann.api.projects.UpdateMember(pb.UpdateMemberRequest(project_id=project.id, member=added))
    assert (await members(ann, project))[bob.id] == EDITOR


async def test_who_is_removed_sees_nothing_on_the_next_call(
    ann: Person,
    bob: Person,
    project: pb.Project,
    other_replica: Process,
    at: Callable[[Person, Process], Person],
    sql: Any,
) -> None:
    await add(ann, project, bob, EDITOR)
    elsewhere = at(bob, other_replica)
    await get(elsewhere, project)
    await remove(ann, project, bob)
    for person in (elsewhere, bob):
        with pytest.raises(ProjectNotFound):
            await get(person, project)
    with pytest.raises(MemberNotFound):
        await remove(ann, project, bob)
    assert (await events(sql, project))[-1] == ("member.removed", bob.id, ann.id)


async def test_every_replica_knows_of_a_change_of_members_on_the_next_call(
    ann: Person, bob: Person, project: pb.Project, other_replica: Process, dial: Dial
) -> None:
    services = dial(other_replica, service_key=SERVICE_KEY)
    request = accounts_pb2.IntrospectTokenRequest(token=bob.session.access_token)

    async def sees() -> bool:
        return project.id in (await services.accounts.IntrospectToken(request)).project_ids

    for _ in range(20):
        assert not await sees()
        await add(ann, project, bob, VIEWER)
        assert await sees()
        await remove(ann, project, bob)


async def test_everybody_may_leave(ann: Person, bob: Person, project: pb.Project) -> None:
    await add(ann, project, bob, VIEWER)
    await remove(bob, project, bob)
    assert await members(ann, project) == {ann.id: OWNER}


async def test_who_comes_back_is_another_membership(ann: Person, bob: Person, project: pb.Project) -> None:
    before = await add(ann, project, bob, VIEWER)
    await remove(ann, project, bob)
    assert (await add(ann, project, bob, VIEWER)).etag != before.etag


async def test_the_last_owner_stays_one(ann: Person, bob: Person, project: pb.Project) -> None:
    await add(ann, project, bob, EDITOR)
    with pytest.raises(LastOwner):
        await remove(ann, project, ann)
    with pytest.raises(LastOwner):
        await give(ann, project, ann, EDITOR)
    await give(ann, project, bob, OWNER)
    await remove(ann, project, ann)
    assert await members(bob, project) == {bob.id: OWNER}


async def test_two_owners_who_leave_at_once_do_not_both_get_away(
    ann: Person, bob: Person, other_replica: Process, at: Callable[[Person, Process], Person]
) -> None:
    elsewhere = at(bob, other_replica)
    for _ in range(10):
        project = await create(ann)
        await add(ann, project, bob, OWNER)
        outcomes = await asyncio.gather(
            remove(ann, project, ann), remove(elsewhere, project, bob), return_exceptions=True
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastOwner", "NoneType"]


async def test_many_changes_of_the_same_people_never_deadlock(ann: Person, bob: Person, carla: Person) -> None:
    projects = [await create(ann, f"{number}") for number in range(6)]
    for project in projects:
        await asyncio.gather(add(ann, project, bob, EDITOR), add(ann, project, carla, EDITOR))
    await asyncio.gather(
        *(ann.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id)) for project in projects[:3]),
        *(remove(ann, project, who) for project in projects[3:] for who in (bob, carla)),
    )


async def test_members_are_listed_by_username_page_by_page(
    ann: Person, bob: Person, carla: Person, project: pb.Project
) -> None:
    await add(ann, project, carla, VIEWER)
    await add(ann, project, bob, VIEWER)
    listed: list[str] = []
    request = pb.ListMembersRequest(project_id=project.id, page_size=2)
    while True:
        page = await bob.api.projects.ListMembers(request)
        listed += [member.username for member in page.members]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == sorted([ann.username, bob.username, carla.username])


async def test_only_owners_are_told_what_webhooks_are_signed_with(ann: Person, bob: Person, carla: Person) -> None:
    project, other = await create(ann), await create(ann)
    await add(ann, project, bob, EDITOR)

    async def secret(who: Person, of: pb.Project) -> str:
        asked = pb.GetWebhookSecretRequest(project_id=of.id)
        return (await who.api.projects.GetWebhookSecret(asked)).secret

    told = await secret(ann, project)
    assert told.startswith("whsec_")
    assert told == await secret(ann, project)
    assert told != await secret(ann, other)
    with pytest.raises(RoleTooLow):
        await secret(bob, project)
    with pytest.raises(ProjectNotFound):
        await secret(carla, project)


async def test_another_service_is_told_who_owns_a_project_and_a_deleted_one_is_nobodys(
    ann: Person, bob: Person, carla: Person, project: pb.Project, another_service: Api
) -> None:
    await add(ann, project, bob, EDITOR)
    await add(ann, project, carla, OWNER)
    owners = await another_service.projects.GetOwners(pb.GetOwnersRequest(project_id=project.id))
    assert (owners.title, set(owners.user_ids)) == ("house", {ann.id, carla.id})
    with pytest.raises(CredentialsMissing):
        await ann.api.projects.GetOwners(pb.GetOwnersRequest(project_id=project.id))
    await ann.api.projects.DeleteProject(pb.DeleteProjectRequest(id=project.id))
    with pytest.raises(ProjectNotFound):
        await another_service.projects.GetOwners(pb.GetOwnersRequest(project_id=project.id))


async def test_a_user_is_in_so_many_projects_and_no_more(newcomer: Newcomer, ann: Person, sql: Any) -> None:
    fay = await newcomer()  # with a personal project
    await sql.execute(
        """
        WITH project AS (
            INSERT INTO projects (id, title) SELECT gen_random_uuid(), 'x' FROM generate_series(1, 996) RETURNING id
        )
        INSERT INTO members (project_id, user_id, role) SELECT id, $1, 3 FROM project
        """,
        fay.id,
    )
    hers = await create(ann)
    made = await asyncio.gather(*(create(fay) for _ in range(4)), add(ann, hers, fay, VIEWER), return_exceptions=True)
    assert [type(each) for each in made if isinstance(each, BaseException)] == [TooManyProjects] * 2
    with pytest.raises(TooManyProjects, match="1,000"):
        await add(ann, await create(ann), fay, VIEWER)
    deleted = next(each for each in made if isinstance(each, pb.Project))
    await fay.api.projects.DeleteProject(pb.DeleteProjectRequest(id=deleted.id))
    assert await create(fay)
