-- When something is to be done about tasks without anybody asking: deadlines to tell of, series to go on with.
-- depends: 0002.queues

-- Both tables are kept in step by triggers: whichever statement changes a task, also one that workers share, its row here
-- follows in the same transaction. The conditions of the triggers let all changes of other tasks pass without a call. The row
-- of `tasks` is locked first by whoever changes both.

-- What has been told of the due_time that a task has: 0 nothing, 1 that it comes, 2 that it has passed. open: the task is there,
-- and has not ended.
CREATE TABLE deadlines (
    task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    due_time timestamptz NOT NULL,
    open boolean NOT NULL,
    told smallint NOT NULL DEFAULT 0
);
CREATE INDEX deadlines_waiting ON deadlines (told, due_time) WHERE open AND told < 2;

CREATE FUNCTION keep_deadline() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.due_time IS NULL THEN
        DELETE FROM deadlines WHERE task_id = NEW.id;
    ELSE
        INSERT INTO deadlines AS kept (task_id, due_time, open)
        VALUES (NEW.id, NEW.due_time, NEW.end_time IS NULL AND NEW.delete_time IS NULL)
        ON CONFLICT (task_id) DO UPDATE
            SET
                due_time = excluded.due_time, open = excluded.open,
                told = CASE WHEN kept.due_time = excluded.due_time THEN kept.told ELSE 0 END;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER deadline_made AFTER INSERT ON tasks FOR EACH ROW
    WHEN (NEW.due_time IS NOT NULL) EXECUTE FUNCTION keep_deadline();
CREATE TRIGGER deadline_changed AFTER UPDATE ON tasks FOR EACH ROW
    WHEN (
        (OLD.due_time IS NOT NULL OR NEW.due_time IS NOT NULL)
        AND (
            OLD.due_time IS DISTINCT FROM NEW.due_time
            OR (OLD.end_time IS NULL) <> (NEW.end_time IS NULL)
            OR (OLD.delete_time IS NULL) <> (NEW.delete_time IS NULL)
        )
    )
    EXECUTE FUNCTION keep_deadline();

-- Tasks that recur, and how far their series is.
CREATE TABLE recurrences (
    task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    schedule_time timestamptz,            -- as it was meant: attempts that fail move the task's
    wall timestamp,                       -- which time of its rule the task stands at, as clocks show it; null: see its times
    number integer,                       -- which one that is, from 1; null: see its times
    next_id uuid,                         -- the next task of the series, once it is made
    wake_time timestamptz                 -- when the series is to be looked at; null: nothing comes of it as things are
);
CREATE INDEX recurrences_waiting ON recurrences (wake_time) WHERE wake_time IS NOT NULL;

CREATE FUNCTION keep_recurrence() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    wake timestamptz = CASE
        WHEN NEW.recurrence <> '' AND NEW.delete_time IS NULL AND (NEW.recurrence_mode = 2 OR NEW.end_time IS NOT NULL) THEN now()
    END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE recurrences AS kept
        SET
            schedule_time = CASE WHEN anew OR rescheduled THEN NEW.schedule_time ELSE kept.schedule_time END,
            wall = CASE
                WHEN NOT (anew OR rescheduled OR (kept.schedule_time IS NULL AND OLD.due_time IS DISTINCT FROM NEW.due_time))
                    THEN kept.wall
            END,
            number = CASE WHEN NOT anew THEN kept.number END,
            wake_time = CASE WHEN next_id IS NULL THEN wake END
        FROM (
            SELECT
                (OLD.recurrence, OLD.recurrence_time_zone) <> (NEW.recurrence, NEW.recurrence_time_zone) AS anew,
                -- With the status, workers and who calls them back change it.
                OLD.status = NEW.status AND OLD.schedule_time IS DISTINCT FROM NEW.schedule_time AS rescheduled
        ) AS change
        WHERE task_id = NEW.id;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO recurrences (task_id, schedule_time, wake_time) VALUES (NEW.id, NEW.schedule_time, wake);
    RETURN NULL;
END
$$;
CREATE TRIGGER recurrence_made AFTER INSERT ON tasks FOR EACH ROW
    WHEN (NEW.recurrence <> '') EXECUTE FUNCTION keep_recurrence();
CREATE TRIGGER recurrence_changed AFTER UPDATE ON tasks FOR EACH ROW
    WHEN (
        (OLD.recurrence <> '' OR NEW.recurrence <> '')
        AND (
            OLD.recurrence <> NEW.recurrence
            OR OLD.recurrence_mode <> NEW.recurrence_mode
            OR OLD.recurrence_time_zone <> NEW.recurrence_time_zone
            OR OLD.due_time IS DISTINCT FROM NEW.due_time
            OR OLD.schedule_time IS DISTINCT FROM NEW.schedule_time
            OR (OLD.end_time IS NULL) <> (NEW.end_time IS NULL)
            OR (OLD.delete_time IS NULL) <> (NEW.delete_time IS NULL)
        )
    )
    EXECUTE FUNCTION keep_recurrence();

-- What is late already when this comes is told of no more.
INSERT INTO deadlines (task_id, due_time, open, told)
SELECT id, due_time, end_time IS NULL AND delete_time IS NULL, CASE WHEN due_time < now() THEN 2 ELSE 0 END
FROM tasks WHERE due_time IS NOT NULL;

-- Those that are to be removed for good one day. Claims don't touch it.
CREATE INDEX tasks_deleted ON tasks (delete_time) WHERE delete_time IS NOT NULL;
