-- Requests whose effect cannot be told from that of another: what one did is not done again when it is worked once more.
CREATE TABLE effects (
  id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX effects_at ON effects (at);
