import type { FactOf } from '../src/domain/deploy.ts';
import { foreign, sentence, time } from './text.ts';
import { quiet, type Reply } from './thread.ts';

/** What somebody else did to the app while a deploy waited for its switch, and what that means for it. */
export function meddled({ on, what }: FactOf<'meddled'>): Reply {
  const [headline, means] = meaningOf(what);
  return quiet(headline, ':eyes:', [`${sentence(foreign(what, 300))} That was at ${time(on)}. ${means}`]);
}

function meaningOf(what: string): [headline: string, means: string] {
  if (/config vars?\b/.test(what)) {
    return [
      'Config vars were changed in the window',
      'That makes a release of its own, with our code: the window begins anew, and the newest release is the one to be proved.',
    ];
  }
  if (what.startsWith('Scaled to ')) {
    return [
      'The app was scaled in the window',
      'Heroku stops dynos for that, as it does for the switch: the log alone cannot prove the switchover any more, only answers of the app can.',
    ];
  }
  return [
    'Web dynos were restarted in the window',
    'By somebody, or by Heroku’s daily cycling. Old dynos may be gone before the switch: the log alone cannot prove it any more, only answers of the app can.',
  ];
}
