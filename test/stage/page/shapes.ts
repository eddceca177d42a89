import type { Block } from '../slack/blocks.ts';
import type { Choices } from '../slack/chosen.ts';
import type { Option } from '../slack/elements.ts';
import type { Command, Shortcut } from '../slack/manifest.ts';
import type { Choice } from '../slack/standing.ts';

// What the page and its server tell each other.

export type PersonSeen = { id: string; name: string; role: string };
export type ChannelSeen = { id: string; name: string; kind: 'public' | 'private' | 'im' };

/** A picture in a message; `alt` for who cannot see it. */
export type FileSeen = { id: string; title: string; alt: string };

export type MessageSeen = {
  channel: string;
  ts: string;
  thread: string | null;
  broadcast: boolean;
  by: string;
  /** Nobody else can see it. */
  onlyMe: boolean;
  text: string;
  blocks: Block[];
  files: FileSeen[];
  edited: boolean;
};

export type ViewSeen = {
  id: string;
  title: string;
  submit: string | null;
  close: string;
  blocks: Block[];
};

/** A dyno as it really is, which Heroku does not always show. */
export type DynoSeen = {
  id: string;
  name: string;
  release: number;
  state: 'booting' | 'up' | 'stopping' | 'crashed';
};

/** Visitors' requests in one second; `at` in s since 1970. */
export type SecondSeen = { at: number; answered: Record<string, number>; failed: number };

export type AppSeen = {
  name: string;
  url: string;
  maintenance: boolean;
  /** What Heroku's API says is current, which under preboot is not what serves. */
  current: number | null;
  /** The release that each router sends visitors to. */
  routers: number[];
  dynos: DynoSeen[];
  /** The last minute, oldest first. */
  seconds: SecondSeen[];
  requests: number;
  failed: number;
  /** Failed requests by the router's code, or the status of the app's own. */
  failures: Record<string, number>;
  knobs: { crash: boolean; slowBoot: boolean };
};

export type Board = { bot: 'running' | 'down'; apps: AppSeen[] };

export type World = {
  me: string;
  team: string;
  bot: string;
  people: PersonSeen[];
  channels: ChannelSeen[];
  commands: Command[];
  shortcuts: Shortcut[];
  messages: MessageSeen[];
  /** The uppermost last. */
  forms: ViewSeen[];
  home: ViewSeen | null;
};

export type News =
  | { kind: 'all'; world: World }
  | { kind: 'message'; message: MessageSeen }
  | { kind: 'gone'; channel: string; ts: string }
  | { kind: 'channels'; channels: ChannelSeen[] }
  | { kind: 'views'; forms: ViewSeen[]; home: ViewSeen | null }
  | { kind: 'board'; board: Board };

export type PlaceNamed = { channel: string; ts: string } | { view: string };

export const KNOBS = ['kill the bot', 'start the bot', 'crash new code', 'slow boot', 'heroku 503'] as const;
export type Knob = (typeof KNOBS)[number];

/** What somebody does on the page. */
export type Act =
  | { kind: 'type'; channel: string; thread: string | null; words: string }
  | { kind: 'act'; place: PlaceNamed; block: string; action: string; choice: Choice; choices: Choices }
  | { kind: 'search'; place: PlaceNamed; block: string; action: string; words: string }
  | { kind: 'submit'; view: string; choices: Choices }
  | { kind: 'close'; view: string }
  | { kind: 'home' }
  | { kind: 'shortcut'; callback: string; channel: string; ts: string }
  | { kind: 'knob'; knob: Knob; app: string; on: boolean };

/** What the page has to know at once of what was done. */
export type Answer = {
  /** In words, when it could not be done. */
  problem?: string;
  /** Of a form, by block. */
  errors?: Record<string, string>;
  options?: Option[] | undefined;
  option_groups?: { label: { text: string }; options: Option[] }[] | undefined;
};
