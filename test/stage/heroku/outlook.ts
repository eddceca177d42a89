/** A web dyno that takes requests. */
export type Backend = { id: string; name: string; release: number; port: number };

/** What a router knows of an app at this moment, and so what it may do with a request. */
export type Outlook =
  | { kind: 'up'; backends: Backend[] }
  /** None up, but one may come: requests wait. */
  | { kind: 'booting' }
  | { kind: 'crashed' }
  | { kind: 'none scaled' }
  /** Dynos are asked for, but this router has been told of none. */
  | { kind: 'none routable' }
  | { kind: 'maintenance' }
  /** Nothing was ever released. */
  | { kind: 'blank' };
