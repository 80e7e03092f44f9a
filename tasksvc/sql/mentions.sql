-- find_named
-- Which of these usernames are of members of those projects.
SELECT project_id::text, username, user_id::text
FROM unnest($1::uuid[], $2::text[]) AS named (project_id, username)
JOIN users USING (username)
JOIN members USING (project_id)
WHERE members.user_id = users.id
