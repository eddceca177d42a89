/** Work that is done again whenever something has come. `woken`: something has, since it was last looked. */
export type Lane = { woken: boolean; wake: () => void };

export const newLane = (): Lane => ({ woken: false, wake: () => {} });

export function rouse(lane: Lane): void {
  lane.woken = true;
  lane.wake();
}
