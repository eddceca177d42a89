import type { Logger } from 'pino';
import { type Deploy, latest } from './domain/deploy.ts';
import type { Series } from './domain/series.ts';
import { retryAfterMs } from './pace.ts';
import { RANKS } from './post-queue.ts';
import { type Posting, postOnce } from './posting.ts';
import { FileRefused, type Files, type Message } from './team.ts';
import { isGone, isThreadGone } from './unheard.ts';

// What a thread shows of a switchover when its deploy has ended: a chart that Slack draws, and the whole story as a file.

export type PicturesParts = Posting & {
  files: Files;
  /** What was seen of it; null where nothing was watched. */
  seen: (deploy: Deploy) => Promise<Series | null>;
  views: {
    chart: (deploy: Deploy, series: Series) => Message | null;
    picture: (deploy: Deploy, series: Series) => { svg: string; title: string; alt: string } | null;
  };
  render: (svg: string) => Promise<Buffer>;
  log: Pick<Logger, 'info' | 'warn'>;
};

const PICTURE = 'picture';
/** Slack shares a file after its own checks, seconds later: until then one that is not there may still come. */
const COMES_WITHIN_MS = 180_000;
/** What could not be drawn or sent by then never will be. */
const GIVEN_UP_AFTER_MS = 15 * 60_000;

/** Adds chart and picture to the thread of an ended deploy, once each; what is not shown yet is asked for again. */
export class Pictures {
  readonly #parts: PicturesParts;

  constructor(parts: PicturesParts) {
    this.#parts = parts;
  }

  /** Shows both, each once. Resolves with false, or rejects, when it must be asked again later. */
  async show(deploy: Deploy): Promise<boolean> {
    const { messages, pace, seen, views } = this.#parts;
    const kept = await messages.of(deploy.id);
    const thread = kept.find(({ key }) => key === 'root')?.ts;
    const series = await seen(deploy);
    if (!thread || !series) return true;
    const message = views.chart(deploy, series);
    if (message && !kept.some(({ key, ts }) => key === 'chart' && ts)) {
      await pace.turn(deploy.plan.channel, RANKS.quiet);
      const since = latest(deploy, 'ended')?.at ?? deploy.startedAt;
      const posted = postOnce(this.#parts, { deploy, key: 'chart', thread, message, since });
      // The deploy is told without it, where its thread or channel is gone by now.
      const chart = await posted.catch(err => (isGone(err) || isThreadGone(err) ? 'nowhere' : Promise.reject(err)));
      if (chart === 'nowhere') return true;
      if (!chart) return false;
    }
    return kept.some(({ key, ts }) => key === PICTURE && ts) || this.#upload(deploy, series, thread);
  }

  async #upload(deploy: Deploy, series: Series, thread: string): Promise<boolean> {
    const { messages, files, pace, views, render, instance, now, log } = this.#parts;
    const { channel } = deploy.plan;
    const picture = views.picture(deploy, series);
    if (!picture) return true;
    const claim = { deploy: deploy.id, key: PICTURE, channel, by: instance };
    if (pace.stopped || (await messages.claim(claim)) === 'taken') return false;
    const asked = await this.#asked(deploy);
    if (asked) return this.#lookFor(asked, deploy, thread);
    const note = (ts: string | null, hash: string | null) => messages.keep(deploy.id, { key: PICTURE, ts, hash });
    try {
      const bytes = await render(picture.svg);
      const file = await files.send({ name: `${deploy.plan.app}-${deploy.id}.png`, bytes, alt: picture.alt });
      await pace.turn(channel, RANKS.quiet);
      // Drawing and sending took their time: say once more that it is ours.
      if (pace.stopped || (await messages.claim(claim)) === 'taken') return false;
      const since = await this.#asked(deploy);
      if (since) return this.#lookFor(since, deploy, thread);
      // From here on it may be there, and is only looked for: Slack has no label that would tell a second one.
      await note(null, file);
      await files.share({ file, title: picture.title, channel, thread });
      await note(file, file);
      return true;
    } catch (err) {
      const isHopeless = now() - endOf(deploy) > GIVEN_UP_AFTER_MS && retryAfterMs(err) === 0;
      if (!(err instanceof FileRefused) && !isHopeless) {
        // Whoever is told to wait was not heard: it is not there.
        if (retryAfterMs(err) > 0) await note(null, null);
        pace.postRefused(channel, err);
        throw err;
      }
      log.info({ err, deploy: deploy.id }, 'There is no picture: the thread has the chart');
      await note('refused', null);
      return true;
    }
  }

  /** The file that somebody asked to be shared. */
  async #asked({ id }: Deploy): Promise<string | null | undefined> {
    return (await this.#parts.messages.of(id)).find(({ key }) => key === PICTURE)?.hash;
  }

  /** It was asked to be shared, and nobody heard the answer. Found or not, it is not sent again. */
  async #lookFor(file: string, deploy: Deploy, thread: string): Promise<boolean> {
    const { messages, files, now, log } = this.#parts;
    const ended = endOf(deploy);
    const isThere = await files.isShared({ file, channel: deploy.plan.channel, thread, after: ended });
    if (!isThere && now() - ended < COMES_WITHIN_MS) return false;
    if (!isThere) log.warn({ deploy: deploy.id, file }, 'The picture is not in its thread, and is not sent twice');
    await messages.keep(deploy.id, { key: PICTURE, ts: file, hash: file });
    return true;
  }
}

const endOf = (deploy: Deploy): number => Date.parse(latest(deploy, 'ended')?.at ?? deploy.startedAt);
