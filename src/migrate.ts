import 'dotenv/config';
import { connect } from './adapters/postgres.ts';
import { migrate } from './adapters/schema.ts';

// The Procfile's release phase: our tables are new before the first dyno of a release boots.

const url = process.env.DATABASE_URL;
if (!url) throw new Error('DATABASE_URL is not set: `heroku addons:create heroku-postgresql:essential-0`.');
const pool = connect(url, error => console.error(error.message));
await migrate(pool);
await pool.end();
console.log('The tables of Switchover are up to date.');
