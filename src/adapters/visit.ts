import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { mayAsk, type Networks } from '../domain/network.ts';

/**
 * Gets a page of an app over a connection of its own, redirects as they come. Rejects, nothing having been sent, where any
 * address of its host is private and not allowed. The caller destroys the answer.
 */
export type Visit = (
  url: URL,
  ask: { headers?: Record<string, string>; signal: AbortSignal },
) => Promise<IncomingMessage>;

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
type Resolve = (host: string, options: LookupOptions, found: Found) => void;

/** Apps may be named, and their names resolved, by anybody: so it goes to the internet, and to the `allowed` networks. */
export function createVisit(allowed: Networks, resolve: Resolve = resolveAll): Visit {
  const may = mayAsk(allowed);
  // It connects to what was looked up here, so a name that is another one the next time leads nowhere.
  const checked: LookupFunction = (host, options, found) =>
    resolve(host, options, (error, addresses) => {
      if (error) return found(error, '');
      const barred = addresses.find(({ address }) => !may(address));
      const [first] = addresses;
      if (barred || !first) return found(notThere(host, barred?.address ?? 'nothing'), '');
      return options.all ? found(null, addresses) : found(null, first.address, first.family);
    });

  return (url, { headers = {}, signal }) =>
    new Promise((answered, reject) => {
      // Of an address nothing is looked up.
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(host) !== 0 && !may(host)) return reject(notThere(host, host));
      const send = url.protocol === 'https:' ? secure : plain;
      // The listener stays: what breaks after the answer began must not end the process.
      send(url, { agent: false, headers, signal, lookup: checked }, answered).on('error', reject).end();
    });
}

/** One lookup of a name at a time: all of the process's share four threads, and a name server that is away must not take them all. */
export function sharedLookup(look: (host: string, options: LookupOptions) => Promise<LookupAddress[]>): Resolve {
  const open = new Map<string, Promise<LookupAddress[]>>();
  return (host, options, found) => {
    const key = JSON.stringify([host, options]);
    const asked = open.get(key) ?? look(host, options).finally(() => open.delete(key));
    open.set(key, asked);
    asked.then(
      addresses => found(null, addresses),
      error => found(error, []),
    );
  };
}

const resolveAll = sharedLookup((host, options) => lookup(host, { ...options, all: true }));

const notThere = (host: string, address: string): Error =>
  new Error(
    `${host} is ${address}, which is not on the internet: the bot goes there only where ALLOWED_PROBE_NETWORKS names it`,
  );
