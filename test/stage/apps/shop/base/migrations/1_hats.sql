-- Up Migration
CREATE TABLE hats (id serial PRIMARY KEY, name text NOT NULL, price integer NOT NULL);
INSERT INTO hats (name, price) VALUES ('Bowler', 40), ('Fez', 25), ('Panama', 60);
