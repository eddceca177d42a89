import { z } from 'zod';
import { withoutMentions } from '../domain/refusal.ts';
import type { Build, Dyno, FormationEntry, HerokuApp, Release, WaitingDyno } from '../outside.ts';

// The fields of Heroku's answers that we use, and what they are called here (Platform API reference, schema of 2026-02).

const id = z.object({ id: z.string() });

/** Heroku answered something else than its reference says: asking again will not help. */
export class NotAsDocumented extends Error {}

/** The answer to the call in our words. Throws NotAsDocumented, which names the call and the fields. */
export function readAnswer<T extends z.ZodType>(shape: T, json: unknown, call: string): z.infer<T> {
  const read = shape.safeParse(json);
  if (read.success) return read.data;
  const fields = read.error.issues.map(issue => issue.path.join('.')).join(', ');
  throw new NotAsDocumented(`Heroku's answer to ${call} is not as documented: ${fields}`);
}

export const appShape = z
  .object({
    name: z.string(),
    web_url: z.string().nullable(),
    maintenance: z.boolean(),
    space: z.object({ name: z.string() }).nullish(),
    generation: z.object({ name: z.string() }).nullish(),
  })
  .transform(
    (app): HerokuApp => ({
      name: app.name,
      webUrl: app.web_url,
      maintenance: app.maintenance,
      space: app.space?.name ?? null,
      generation: app.generation?.name ?? 'cedar',
    }),
  );

export const featureShape = z.object({ enabled: z.boolean() });

export const formationShape = z.array(
  z
    .object({ type: z.string(), quantity: z.number(), size: z.string() })
    .transform(({ type, quantity, size }): FormationEntry => ({ type, quantity, size })),
);

export const dynosShape = z.array(
  z
    .object({
      name: z.string(),
      type: z.string(),
      command: z.string(),
      state: z.string(),
      release: z.object({ version: z.number() }),
      created_at: z.string(),
    })
    .transform(
      (dyno): Dyno => ({
        name: dyno.name,
        type: dyno.type,
        command: dyno.command,
        state: dyno.state,
        release: dyno.release.version,
        createdAt: dyno.created_at,
      }),
    ),
);

export const waitingDynoShape = z
  // In a Private Space it is the address of something else.
  .object({
    name: z.string(),
    release: z.object({ version: z.number() }),
    attach_url: z.string().startsWith('rendezvous:'),
  })
  .transform((dyno): WaitingDyno => ({ name: dyno.name, release: dyno.release.version, attachUrl: dyno.attach_url }));

export const releaseShape = z
  .object({
    id: z.string(),
    version: z.number(),
    status: z.enum(['pending', 'succeeded', 'failed', 'expired']),
    current: z.boolean(),
    description: z.string(),
    user: z.object({ email: z.string() }),
    slug: id.nullish(),
    eligible_for_rollback: z.boolean().optional(),
    output_stream_url: z.string().nullish(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .transform(
    (release): Release => ({
      id: release.id,
      version: release.version,
      status: release.status,
      current: release.current,
      description: withoutMentions(release.description),
      by: withoutMentions(release.user.email),
      slug: release.slug?.id ?? null,
      eligible: release.eligible_for_rollback ?? release.status === 'succeeded',
      outputUrl: release.output_stream_url ?? null,
      createdAt: release.created_at,
      updatedAt: release.updated_at,
    }),
  );

export const buildShape = z
  .object({
    id: z.string(),
    status: z.enum(['pending', 'succeeded', 'failed']),
    source_blob: z.object({ version_description: z.string().nullish() }),
    user: z.object({ email: z.string() }),
    output_stream_url: z.string(),
    slug: id.nullish(),
    release: id.nullish(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .transform(
    (build): Build => ({
      id: build.id,
      status: build.status,
      description: build.source_blob.version_description ?? null,
      by: withoutMentions(build.user.email),
      outputUrl: build.output_stream_url,
      slug: build.slug?.id ?? null,
      release: build.release?.id ?? null,
      createdAt: build.created_at,
      updatedAt: build.updated_at,
    }),
  );

export const slugShape = z.object({ commit: z.string().nullish() });
export const sourceShape = z.object({ source_blob: z.object({ put_url: z.url(), get_url: z.url() }) });
export const logSessionShape = z.object({ logplex_url: z.url(), created_at: z.iso.datetime({ offset: true }) });
export const rateLimitShape = z.object({ remaining: z.number() });

export const addonsShape = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    app: z.object({ name: z.string() }),
    addon_service: z.object({ name: z.string() }),
  }),
);
export const attachmentsShape = z.array(z.object({ app: z.object({ name: z.string() }) }));

export const errorShape = z.object({ id: z.string(), message: z.string() });

export const configShape = z.record(z.string(), z.string());
