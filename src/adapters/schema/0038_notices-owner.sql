-- Who is told of it where its channel takes nothing.
ALTER TABLE notices ADD COLUMN owner text;
