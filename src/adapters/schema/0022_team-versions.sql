-- Every version of what holds for all apps: what was said, by whom and when. Only ever appended.
CREATE TABLE team_versions (
  version integer PRIMARY KEY,
  freezes jsonb NOT NULL,
  by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO team_versions (version, freezes, by)
  SELECT 1, freezes, 'before versions were kept' FROM team WHERE freezes <> '[]';
