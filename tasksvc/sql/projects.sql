-- create_project
WITH project AS (
    INSERT INTO projects (id, title, description) VALUES ($1, $2, $3) RETURNING *
), member AS (
    INSERT INTO members (project_id, user_id, role) SELECT id, $6, 3 FROM project RETURNING *
), account AS (
    UPDATE users SET access_version = access_version + 1 WHERE id = $6 RETURNING username
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, project_id, subject_id, version, body, traceparent)
    SELECT $4, $5, 'member.added', $6, project_id, user_id, version,
        to_jsonb(member) || jsonb_build_object('username', username), $7
    FROM member, account
)
SELECT project.*, member.role FROM project, member

-- count_projects
-- Those that list_access tells of.
SELECT count(*) FROM members JOIN projects ON projects.id = project_id AND delete_time IS NULL WHERE user_id = $1

-- get_project
SELECT projects.*, members.role
FROM projects JOIN members ON members.project_id = projects.id AND members.user_id = $2
WHERE projects.id = $1 AND delete_time IS NULL

-- lock_project
-- Changes of a project and of its members are made one after the other.
SELECT FROM projects WHERE id = $1 FOR NO KEY UPDATE

-- list_projects
SELECT project.* FROM (
    SELECT projects.*, members.role
    FROM members JOIN projects ON projects.id = members.project_id
    WHERE members.user_id = $1 AND delete_time IS NULL
) AS project
WHERE {where} ORDER BY {order} LIMIT {limit}

-- update_project
UPDATE projects SET title = $2, description = $3, version = version + 1, update_time = now()
WHERE id = $1
RETURNING *, $4::smallint AS role

-- delete_project
-- Everybody's access grows a version in the order of ids: two deletions can't wait for each other.
WITH project AS (
    UPDATE projects SET delete_time = now(), update_time = now(), version = version + 1 WHERE id = $1 RETURNING *
), account AS (
    SELECT users.id, username FROM members JOIN users ON users.id = user_id
    WHERE project_id = $1 ORDER BY users.id FOR NO KEY UPDATE OF users
), bumped AS (
    UPDATE users SET access_version = access_version + 1 FROM account WHERE users.id = account.id
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, project_id, subject_id, version, body, traceparent)
    SELECT named.event_id, $4, 'member.removed', $5, project_id, user_id, version,
        to_jsonb(members) || jsonb_build_object('username', username), $6
    FROM members
    JOIN account ON account.id = user_id
    JOIN unnest($2::uuid[], $3::uuid[]) AS named (member_id, event_id) ON named.member_id = user_id
    WHERE project_id = $1
)
SELECT *, 3::smallint AS role FROM project

-- list_member_ids
SELECT user_id FROM members WHERE project_id = $1

-- list_members
SELECT member.* FROM (
    SELECT members.*, username FROM members JOIN users ON users.id = user_id WHERE project_id = $1
) AS member
WHERE {where} ORDER BY {order} LIMIT {limit}

-- get_member
SELECT members.*, username FROM members JOIN users ON users.id = user_id WHERE project_id = $1 AND user_id = $2

-- count_owners
SELECT count(*) FROM members WHERE project_id = $1 AND role = 3

-- list_project_owners
-- Nobody owns what was deleted.
SELECT title, array(SELECT user_id FROM members WHERE project_id = $1 AND role = 3 ORDER BY user_id) AS user_ids
FROM projects WHERE id = $1 AND delete_time IS NULL

-- find_user
SELECT id, username FROM users WHERE id = $1 OR username = $2

-- add_member
WITH member AS (
    INSERT INTO members (project_id, user_id, role) VALUES ($1, $2, $3) RETURNING *
), account AS (
    UPDATE users SET access_version = access_version + 1 WHERE id = $2 RETURNING username
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, project_id, subject_id, version, body, traceparent)
    SELECT $4, $5, 'member.added', $6, project_id, user_id, version,
        to_jsonb(member) || jsonb_build_object('username', username), $7
    FROM member, account
)
SELECT member.*, username FROM member, account

-- update_member
WITH member AS (
    UPDATE members SET role = $3, version = version + 1 WHERE project_id = $1 AND user_id = $2 RETURNING *
), account AS (
    UPDATE users SET access_version = access_version + 1 WHERE id = $2 RETURNING username
), event AS (
    INSERT INTO events
        (event_id, partition, type, actor_id, project_id, subject_id, version, changed_fields, body, traceparent)
    SELECT $4, $5, 'member.updated', $6, project_id, user_id, version, '{role}',
        to_jsonb(member) || jsonb_build_object('username', username), $7
    FROM member, account
)
SELECT member.*, username FROM member, account

-- remove_member
WITH member AS (
    DELETE FROM members WHERE project_id = $1 AND user_id = $2 RETURNING *
), account AS (
    UPDATE users SET access_version = access_version + 1 WHERE id = $2 RETURNING username
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, project_id, subject_id, version, body, traceparent)
    SELECT $3, $4, 'member.removed', $5, project_id, user_id, version,
        to_jsonb(member) || jsonb_build_object('username', username), $6
    FROM member, account
)
SELECT member.*, username FROM member, account
