import { makeFolder } from './stage/folder.ts';

/** Before all files of tests: a folder for what they make once. Nothing is made here, since most files alone need nothing. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await makeFolder();
  // The environment of the processes in which files run is made of this one.
  process.env.SWITCHOVER_MADE = folder.dir;
  return folder.remove;
}
