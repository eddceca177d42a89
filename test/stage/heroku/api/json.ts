import { createHash } from 'node:crypto';
import type * as Heroku from '@heroku-cli/schema';
import type { AddonModel, BuildModel, HerokuApp, ReleaseModel, SlugModel, User } from '../app.ts';
import type { DynoView } from '../contract.ts';

// Heroku's JSON, every documented field present (Appendix A of its schema, 2026-02).

/** All fields of a resource that are documented, save those that the published types still have wrong. */
type Documented<T, Stale extends string> = Required<{
  [K in keyof T as string extends K ? never : number extends K ? never : K extends Stale ? never : K]: T[K];
}> &
  Record<string, unknown>;

const STACK = { id: 'f9f9f9f9-0000-4000-8000-000000000024', name: 'heroku-24' };
const GENERATIONS: Record<string, { id: string; name: string }> = {
  cedar: { id: 'f9f9f9f9-0000-4000-8000-00000000cedb', name: 'cedar' },
  fir: { id: 'f9f9f9f9-0000-4000-8000-0000000000f1', name: 'fir' },
};
const REGION = { id: 'f9f9f9f9-0000-4000-8000-000000000009', name: 'us' };
/** Heroku tells times in whole seconds. */
const iso = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;
const nameOf = ({ id, name }: HerokuApp) => ({ id, name });
const generation = (name: string) => GENERATIONS[name] ?? { id: name, name };
/** The same for the same text. */
const idOf = (text: string): string => {
  const hex = createHash('md5').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

export function accountJson(user: User, since: Date) {
  return {
    allow_tracking: true,
    beta: false,
    country_of_residence: null,
    created_at: iso(since),
    default_organization: null,
    default_team: null,
    delinquent_at: null,
    email: user.email,
    federated: false,
    id: user.id,
    identity_provider: null,
    last_login: iso(since),
    name: null,
    sms_number: null,
    suspended_at: null,
    two_factor_authentication: false,
    updated_at: iso(since),
    verified: true,
  } satisfies Required<Heroku.Account>;
}

export function appJson(app: HerokuApp, owner: User) {
  const slug = app.current?.slug;
  return {
    acm: false,
    archived_at: null,
    build_stack: STACK,
    buildpack_provided_description: slug ? 'Node.js' : null,
    created_at: iso(app.createdAt),
    generation: generation(app.generation),
    git_url: `https://git.heroku.com/${app.name}.git`,
    id: app.id,
    internal_routing: null,
    maintenance: app.maintenance,
    name: app.name,
    organization: null,
    owner,
    // What `heroku ps` of today also reads.
    process_tier: 'production',
    region: REGION,
    released_at: app.current ? iso(app.current.createdAt) : null,
    repo_size: null,
    slug_size: slug ? 1024 : null,
    space: app.space ? { ...app.space, shield: false } : null,
    stack: STACK,
    team: null,
    updated_at: iso(app.updatedAt),
    web_url: `${app.runtime.url}/`,
  } satisfies Required<Heroku.App>;
}

export function featureJson(app: HerokuApp) {
  return {
    created_at: iso(app.preboots.createdAt),
    description: 'Provide seamless web dyno deploys',
    display_name: 'preboot',
    doc_url: 'https://devcenter.heroku.com/articles/preboot',
    enabled: app.preboot,
    feedback_email: 'feedback@heroku.example',
    id: idOf(`preboot ${app.name}`),
    name: 'preboot',
    state: 'general',
    updated_at: iso(app.preboots.updatedAt),
  } satisfies Required<Heroku.AppFeature>;
}

export function formationJson(app: HerokuApp, entry: HerokuApp['formation'][number]) {
  return {
    app: nameOf(app),
    command: app.current?.slug?.processTypes[entry.type] ?? '',
    created_at: iso(entry.createdAt),
    dyno_size: { id: idOf(entry.size), name: entry.size },
    id: entry.id,
    quantity: entry.quantity,
    size: entry.size,
    type: entry.type,
    updated_at: iso(entry.updatedAt),
  } satisfies Required<Heroku.Formation>;
}

export function dynoJson(app: HerokuApp, dyno: DynoView) {
  return {
    app: nameOf(app),
    attach_url: dyno.attachUrl,
    command: dyno.command,
    created_at: iso(dyno.createdAt),
    id: dyno.id,
    name: dyno.name,
    release: dyno.release,
    size: dyno.size,
    state: dyno.state,
    type: dyno.type,
    updated_at: iso(dyno.updatedAt),
  } satisfies Required<Heroku.Dyno>;
}

export function buildJson(app: HerokuApp, build: BuildModel, streams: string) {
  return {
    app: { id: app.id },
    buildpacks: [
      { name: 'heroku/nodejs', url: 'https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/nodejs.tgz' },
    ],
    created_at: iso(build.createdAt),
    generation: app.generation,
    id: build.id,
    output_stream_url: `${streams}/streams/${build.id}`,
    release: build.release ? { id: build.release.id } : null,
    slug: build.slug ? { id: build.slug.id } : null,
    source_blob: build.source,
    stack: STACK.name,
    status: build.status,
    updated_at: iso(build.updatedAt),
    user: build.user,
  } satisfies Documented<Heroku.Build, 'release'>;
}

export function releaseJson(app: HerokuApp, release: ReleaseModel, streams: string) {
  return {
    addon_plan_names: app.addons.map(addon => addon.plan),
    app: nameOf(app),
    artifacts: release.slug ? [{ type: 'slug', id: release.slug.id }] : [],
    created_at: iso(release.createdAt),
    current: release === app.current,
    description: release.description,
    eligible_for_rollback: app.canRollBackTo(release),
    id: release.id,
    output_stream_url: release.output ? `${streams}/streams/${release.id}` : null,
    slug: release.slug ? { id: release.slug.id } : null,
    status: release.status,
    updated_at: iso(release.updatedAt),
    user: release.user,
    version: release.version,
  } satisfies Required<Heroku.Release>;
}

export function slugJson(slug: SlugModel) {
  return {
    blob: { method: 'GET', url: 'https://slug-store.example/gone' },
    buildpack_provided_description: 'Node.js',
    checksum: null,
    commit: slug.commit,
    commit_description: slug.description,
    created_at: iso(slug.createdAt),
    deleted_at: null,
    id: slug.id,
    process_types: slug.processTypes,
    size: 1024,
    stack: STACK,
    updated_at: iso(slug.createdAt),
  } satisfies Required<Heroku.Slug>;
}

export function addonJson(app: HerokuApp, addon: AddonModel) {
  return {
    actions: [],
    addon_service: { id: idOf('heroku-postgresql'), name: 'heroku-postgresql' },
    app: nameOf(app),
    billed_price: { cents: 0, contract: false, unit: 'month' },
    billing_entity: { ...nameOf(app), type: 'app' },
    config_vars: ['DATABASE_URL'],
    created_at: iso(addon.createdAt),
    id: addon.id,
    name: addon.name,
    plan: { id: idOf(addon.plan), name: addon.plan },
    provider_id: addon.id,
    provision_message: '',
    state: 'provisioned',
    updated_at: iso(addon.createdAt),
    web_url: null,
  } satisfies Documented<Heroku.AddOn, 'actions'>;
}

export function attachmentJson(owner: HerokuApp, addon: AddonModel, app: HerokuApp) {
  return {
    addon: { id: addon.id, name: addon.name, app: nameOf(owner) },
    app: nameOf(app),
    created_at: iso(addon.createdAt),
    id: idOf(`${addon.name} ${app.name}`),
    log_input_url: null,
    name: 'DATABASE',
    namespace: null,
    updated_at: iso(addon.createdAt),
    web_url: null,
  } satisfies Required<Heroku.AddOnAttachment>;
}

export function collaboratorJson(app: HerokuApp, user: User) {
  return {
    app: nameOf(app),
    created_at: iso(app.createdAt),
    id: idOf(`${user.email} ${app.name}`),
    permissions: [],
    role: 'owner',
    updated_at: iso(app.createdAt),
    user: { ...user, federated: false },
  } satisfies Required<Heroku.Collaborator>;
}
