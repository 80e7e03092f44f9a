-- Links that are mailed to users, and the programs that they sign in with.
-- depends: 0005.comments

ALTER TABLE users ADD COLUMN email_confirm_time timestamptz;

-- One for each purpose: a newer one takes the older one's place, and using it removes it.
CREATE TABLE links (
    user_id uuid NOT NULL REFERENCES users,
    purpose smallint NOT NULL,             -- 1 confirm the address, 2 set a new password
    id uuid NOT NULL UNIQUE,               -- the event's that asks for the mail
    hash bytea UNIQUE,                     -- of its token; null until it is mailed
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);

-- What each user has signed in from, as a hash: somebody who signs in from elsewhere is told of by mail.
CREATE TABLE clients (
    user_id uuid NOT NULL REFERENCES users,
    hash bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, hash)
);
