-- Who looks at the bot's Home, so that it is kept up to date for them.
CREATE TABLE homes (
  user_id text PRIMARY KEY,
  opened_at timestamptz NOT NULL DEFAULT now()
);
