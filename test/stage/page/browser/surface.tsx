import { createContext, type ReactNode, useContext, useState } from 'react';
import type { Element, Placed } from '../../slack/blocks.ts';
import type { Choices } from '../../slack/chosen.ts';
import type { Choice } from '../../slack/standing.ts';
import type { PlaceNamed } from '../shapes.ts';
import { act } from './server.ts';

/** What widgets need to know of the message or form that they stand on. */
type Surface = {
  place: PlaceNamed;
  choices: Choices;
  choose: (element: Placed<Element>, choice: Choice) => void;
  /** Sends to the bot; what was chosen elsewhere on the surface goes along. */
  send: (element: Placed<Element>, choice: Choice) => Promise<void>;
};

const SurfaceContext = createContext<Surface | null>(null);

export function useSurface(): Surface {
  const surface = useContext(SurfaceContext);
  if (!surface) throw new Error('A widget stands on nothing');
  return surface;
}

export type Chosen = { choices: Choices; choose: Surface['choose'] };

export function useChoices(): Chosen {
  const [choices, setChoices] = useState<Choices>({});
  const choose: Surface['choose'] = ({ block_id = '', action_id = '' }, choice) =>
    setChoices(before => ({ ...before, [block_id]: { ...before[block_id], [action_id]: choice } }));
  return { choices, choose };
}

export function SurfaceOf({ place, chosen, children }: { place: PlaceNamed; chosen: Chosen; children: ReactNode }) {
  const send: Surface['send'] = async ({ block_id: block = '', action_id: action = '' }, choice) => {
    await act({ kind: 'act', place, block, action, choice, choices: chosen.choices });
  };
  return <SurfaceContext value={{ place, ...chosen, send }}>{children}</SurfaceContext>;
}
