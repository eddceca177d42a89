import { BlockList, isIP } from 'node:net';

// Which addresses the bot may ask for an app's pages. Those of an app come from its settings, from Heroku and from a
// commit's `switchover.json`, and are looked up by a name server that may be anybody's.

/** Not of the internet at large (IANA special-purpose registries for IPv4 and, inside 2000::/3, IPv6). */
const PRIVATE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  // With multicast, and all that is reserved above it.
  '224.0.0.0/3',
  // Protocols (Teredo and others), documentation, and 6to4, which leads to any IPv4 address.
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
];
/** Beside it there are only mapped and translated IPv4, unique local, link-local and multicast addresses (RFC 4291). */
const PUBLIC_IPV6 = '2000::/3';

/** A list of networks in CIDR notation, such as `10.1.0.0/16` or `fd00::/8`, or of single addresses. */
export type Networks = readonly string[];

/** True for what may stand in a list of networks. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const most = isIP(address) === 4 ? 32 : 128;
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
}

/**
 * Says of an IP address whether it may be asked: it is public, or in one of these networks. An IPv4 address that is mapped
 * into IPv6 (`::ffff:10.0.0.1`) is judged as what it leads to.
 */
export function mayAsk(allowed: Networks): (address: string) => boolean {
  const [granted, barred, global] = [allowed, PRIVATE, [PUBLIC_IPV6]].map(listOf) as [BlockList, BlockList, BlockList];
  return address => {
    const [bare = ''] = address.split('%');
    const version = isIP(bare);
    if (version === 0) return false;
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (granted.check(bare, family)) return true;
    if (barred.check(bare, family)) return false;
    return version === 4 || global.check(bare, family) || isMapped(bare);
  };
}

function listOf(networks: Networks): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const version = isIP(address);
    list.addSubnet(address, Number(bits ?? (version === 4 ? 32 : 128)), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

const mapped = listOf(['::ffff:0:0/96']);
const isMapped = (address: string): boolean => mapped.check(address, 'ipv6');
