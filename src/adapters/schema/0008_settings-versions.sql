-- Every version of an app's settings: what was said, by whom and when. Only ever appended.
CREATE TABLE app_versions (
  app text NOT NULL,
  version integer NOT NULL,
  settings jsonb NOT NULL,
  by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (app, version)
);
INSERT INTO app_versions (app, version, settings, by, at)
  SELECT name, 1, settings, 'before versions were kept', updated_at FROM apps;
