import type { Knobs, OneOff, StartAppRuntime } from './contract.ts';
import { Dyno, type Ground } from './dyno.ts';
import { Formation } from './formation.ts';
import { startGroup } from './group.ts';
import { startLeash } from './leash.ts';
import { createLogs } from './logs.ts';
import { createPorts } from './ports.ts';
import { startRouter } from './router.ts';
import { createTimers } from './timers.ts';

/** How far apart real routers change over is not known [assumed: some]. */
const AS_USUAL: Knobs = {
  onlyBoots: null,
  bootDelayMs: 0,
  switchSkewMs: 1_500,
  drainDelayMs: 10_000,
  bootTimeoutMs: 60_000,
  routerDelayMs: 120_000,
  memory: null,
  loses: null,
};

/** One-off dynos live for a day at most (dyno resource of the API reference, `time_to_live`), s. */
export const LONGEST_LIFE_S = 86_400;

/** Runs one app: its dynos as processes of this machine, its routers on one loopback port, its log. */
export const startAppRuntime: StartAppRuntime = async ask => {
  const logs = createLogs();
  const leash = startLeash();
  const ground: Ground = {
    app: ask.app,
    scale: ask.scale,
    knobs: { ...AS_USUAL },
    logs,
    leash,
    timers: createTimers(),
    ports: createPorts(),
    start: ask.start ?? startGroup,
    dynos: new Set(),
    onTruth: ask.onTruth,
    onChange: () => router.changed(),
  };
  const formation = new Formation(ground, ask);
  const oneOffs = new Set<Dyno>();
  let maintenance = false;
  const router = await startRouter({
    port: ask.port,
    routers: ask.routers,
    outlook: number => (maintenance ? { kind: 'maintenance' } : formation.web.outlook(number)),
    logs,
    loses: path => ground.knobs.loses?.(path) ?? false,
    onRequest: ask.onRequest,
  });

  return {
    url: `http://127.0.0.1:${router.port}`,
    logs,
    knobs: ground.knobs,
    get windowMs() {
      return formation.web.windowMs;
    },
    dynos: () => [...formation.views(), ...[...oneOffs].map(dyno => dyno.view())],
    run: release => formation.run(release),
    scale: entries => formation.scale(entries),
    setPreboot(on) {
      formation.web.preboot = on;
    },
    setMaintenance(on) {
      maintenance = on;
      router.changed();
    },
    restart: which => formation.restart(which),
    stop(nameOrId) {
      const oneOff = [...oneOffs].find(dyno => dyno.name === nameOrId || dyno.view().id === nameOrId);
      if (oneOff) void oneOff.shutdown();
      return oneOff !== undefined || formation.stop(nameOrId);
    },
    oneOff({ env = {}, onOutput, meeting, timeToLive = LONGEST_LIFE_S, ...what }): OneOff {
      const dyno = new Dyno(ground, { ...what, once: { env, onOutput, meeting } });
      oneOffs.add(dyno);
      const cancelEnd = ground.timers.after((timeToLive * 1000) / ask.scale, () => void dyno.shutdown());
      void dyno.over.then(() => {
        cancelEnd();
        oneOffs.delete(dyno);
      });
      dyno.start();
      return { dyno: dyno.view(), exited: dyno.over, stop: () => void dyno.shutdown() };
    },
    async close() {
      ground.timers.clear();
      await Promise.all([...ground.dynos].map(dyno => dyno.kill()));
      await router.close();
      leash.close();
    },
  };
};
