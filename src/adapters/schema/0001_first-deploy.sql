-- What the team said of each app.
CREATE TABLE apps (
  name text PRIMARY KEY,
  settings jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Plans as they were shown: a Start names one.
CREATE TABLE plans (
  id text PRIMARY KEY,
  app text NOT NULL,
  asked_by text NOT NULL,
  channel text NOT NULL,
  plan jsonb NOT NULL,
  digest text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE deploys (
  id text PRIMARY KEY REFERENCES plans,
  app text NOT NULL,
  plan jsonb NOT NULL,
  started_by text NOT NULL,
  channel text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  outcome text,
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX deploys_running ON deploys (app) WHERE ended_at IS NULL;

-- What happened, in order. Only ever appended.
CREATE TABLE facts (
  deploy_id text NOT NULL REFERENCES deploys,
  seq integer NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL,
  key text NOT NULL,
  data jsonb NOT NULL,
  PRIMARY KEY (deploy_id, seq),
  UNIQUE (deploy_id, key)
);

-- What people pressed. The run of the deploy answers.
CREATE TABLE clicks (
  id text PRIMARY KEY,
  deploy_id text NOT NULL REFERENCES deploys,
  kind text NOT NULL,
  by text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  answered_at timestamptz,
  answer text
);
CREATE INDEX clicks_open ON clicks (deploy_id, at) WHERE answered_at IS NULL;

-- Messages of ours in Slack: claimed before they are posted, so that none is posted twice.
CREATE TABLE messages (
  deploy_id text NOT NULL REFERENCES deploys,
  key text NOT NULL,
  channel text NOT NULL,
  ts text,
  hash text,
  claimed_by text,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (deploy_id, key)
);

-- What the watch of a switchover has seen, by deploy and release.
CREATE TABLE watches (
  key text PRIMARY KEY,
  state jsonb NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now()
);

-- Signatures of requests from Slack: one that comes again is a replay.
CREATE TABLE seen_requests (
  signature text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX seen_requests_at ON seen_requests (at);

-- Processes of the bot. The beat is the database's time.
CREATE TABLE instances (
  id text PRIMARY KEY,
  beat timestamptz NOT NULL DEFAULT now()
);
