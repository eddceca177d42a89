// What this version of the shop reads, shows and writes.
export const QUERY = 'SELECT name, price, stock FROM hats ORDER BY name';
export const show = ({ name, price, stock }) => `${name}: ${price} EUR${stock === 0 ? ' (sold out)' : ''}`;
export const RAISE = "UPDATE hats SET price = price + 1 WHERE name = 'Fez'";
