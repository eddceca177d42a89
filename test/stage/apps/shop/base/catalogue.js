// What this version of the shop reads, shows and writes.
export const QUERY = 'SELECT name, price FROM hats ORDER BY name';
export const show = ({ name, price }) => `${name}: ${price} EUR`;
export const RAISE = "UPDATE hats SET price = price + 1 WHERE name = 'Fez'";
