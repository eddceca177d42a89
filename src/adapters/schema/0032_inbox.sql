-- What people ask through Slack: kept before Slack is told that it was taken, until it is answered. An id that is here came
-- before, to any instance. Takes the place of `seen_requests`, to which only bots of an older version write.
CREATE TABLE inbox (
  id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  -- Null when there is nothing left to do. As text: Slack's words may hold what jsonb refuses (\u0000).
  body text,
  claimed_by text NOT NULL,
  tries integer NOT NULL DEFAULT 1
);
CREATE INDEX inbox_left ON inbox (at) WHERE body IS NOT NULL;
CREATE INDEX inbox_at ON inbox (at);
