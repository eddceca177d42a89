import type { RequestRecord } from './contract.ts';
import { ROUTER_ERRORS, type RouterError } from './router-errors.ts';

/** Who broke off, in the two errors that say so. */
const SOCK = new Map<RouterError, string>([
  ['H18', 'backend'],
  ['H27', 'client'],
]);

/** One request in Router 2.0's logfmt. What never happened (no dyno, no service) is left empty, as Heroku does. */
export function routerLine(
  record: RequestRecord & { code: RouterError | null },
  from: { host: string; requestId: string; forwardedFor: string; reached: 'nothing' | 'dyno' | 'app' },
): string {
  const { code, dyno } = record;
  const error = code === null ? null : ROUTER_ERRORS[code];
  const sock = code === null ? undefined : SOCK.get(code);
  const words = [
    ...(sock ? [`sock=${sock}`] : []),
    `at=${error?.at ?? 'info'}`,
    ...(error ? [`code=${code}`, `desc="${error.desc}"`] : []),
    `method=${record.method}`,
    `path="${record.path}"`,
    `host=${from.host}`,
    `request_id=${from.requestId}`,
    `fwd="${from.forwardedFor}"`,
    `dyno=${dyno?.name ?? ''}`,
    `connect=${from.reached === 'nothing' ? '' : `${record.connectMs}ms`}`,
    `service=${from.reached === 'app' ? `${record.serviceMs}ms` : ''}`,
    `status=${record.status}`,
    `bytes=${from.reached === 'nothing' ? '' : record.bytes}`,
    'protocol=http1.1',
    'tls=false',
  ];
  return words.join(' ');
}
