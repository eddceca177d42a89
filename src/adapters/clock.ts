/**
 * Ms since 1970 by a clock that only goes forward, as a stopwatch does: correcting the computer's clock moves it neither
 * way. It agreed with that one when the process began.
 */
export const steadyNow = (): number => Math.round(performance.timeOrigin + performance.now());
